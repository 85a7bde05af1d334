/*
 * By hand, on node:sqlite: a row a message, a table a consumer, transactions of 500, the same validation and JSON. The
 * consumer deletes what it handled in one transaction, so the promise is the same: at least once, stored (and synced)
 * before the sender goes on. This is the fastest hand-written form that was found (docs/explanation/benchmarks.md).
 */
import { createConnection, createServer } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { atGo, tell, told } from './children.ts'
import { order, validate } from './work.ts'

interface Task {
  readonly role: 'produce' | 'consume' | 'claim' | 'lone-produce' | 'lone-consume'
  readonly file: string
  readonly tables: readonly string[]
  readonly batch: number
  readonly copies?: boolean
  readonly socket?: string
}

function open(task: Task): DatabaseSync {
  const db = new DatabaseSync(task.file)
  db.exec('PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL')
  // Two processes that change the mode of a new file at once: one is told that it is locked, without waiting.
  for (let tries = 0; ; tries++) {
    try {
      db.exec('PRAGMA journal_mode = WAL')
      break
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== 5 || tries === 200) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
  for (const table of task.tables)
    db.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, body TEXT NOT NULL, owner INTEGER, until INTEGER)`,
    )
  return db
}

const task = await told<Task>('task')
const db = open(task)
const tables = task.tables.map((table) => ({
  insert: db.prepare(`INSERT INTO ${table} (key, body) VALUES (?, ?)`),
  read: db.prepare(`SELECT id, body FROM ${table} WHERE id > ? ORDER BY id LIMIT ${task.batch}`),
  remove: db.prepare(`DELETE FROM ${table} WHERE id <= ?`),
}))

let sent = 0

async function produce(count: number): Promise<void> {
  for (const all = sent + count; sent < all; ) {
    db.exec('BEGIN IMMEDIATE')
    for (const to = Math.min(all, sent + task.batch); sent < to; sent++) {
      const value = order(sent)
      validate(value)
      const body = JSON.stringify(value)
      // `copies`: a copy a group. Otherwise the tables are shards of the keys.
      if (task.copies) for (const table of tables) table.insert.run(value.orderId, body)
      else tables[(sent % 997) % tables.length]?.insert.run(value.orderId, body)
    }
    db.exec('COMMIT')
    await turn()
  }
}

let last = 0

async function consume(count: number): Promise<void> {
  const [table] = tables
  if (!table) throw new Error('one table a consumer')
  let seen = 0
  while (seen < count) {
    const rows = table.read.all(last) as { id: number; body: string }[]
    for (const row of rows) validate(JSON.parse(row.body))
    const end = rows.at(-1)
    if (end) {
      last = end.id
      seen += rows.length
      db.exec('BEGIN IMMEDIATE')
      table.remove.run(last)
      db.exec('COMMIT')
    }
    await turn()
  }
}

/** Code that is run for the first time is slow, and that is not what is measured. */
const warmUp = 1000
const pause = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 10))

/** One message at a time, with a pause between; a byte on a Unix socket wakes the consumer. Tells when each was sent. */
async function loneProduce(): Promise<void> {
  const socket = createConnection(task.socket as string)
  const send = (): void => {
    const value = order(sent++)
    validate(value)
    tables[0]?.insert.run(value.orderId, JSON.stringify(value))
    socket.write('x')
  }
  while (sent < warmUp) send()
  atGo(async (count) => {
    const times: bigint[] = []
    for (let i = 0; i < count; i++) {
      await pause()
      times.push(process.hrtime.bigint())
      send()
    }
    await pause()
    return times
  })
}

/** Tells when each was handled. */
async function loneConsume(): Promise<void> {
  const times: bigint[] = []
  const [table] = tables
  if (!table) throw new Error('one table')
  let wanted = warmUp
  let reached: () => void = () => {}
  const server = createServer((socket) => {
    socket.on('data', () => {
      for (const row of table.read.all(last) as { id: number; body: string }[]) {
        validate(JSON.parse(row.body))
        if (times.push(process.hrtime.bigint()) === wanted) reached()
        last = row.id
      }
      table.remove.run(last)
    })
  })
  await new Promise<void>((resolve) => server.listen(task.socket, resolve))
  atGo(async (count) => {
    wanted += count
    if (times.length < wanted) await new Promise<void>((resolve) => (reached = resolve))
    return times.slice(wanted - count, wanted)
  })
}

let resting = true

/** Competes for what nobody has claimed, or somebody claimed long ago, until it is to rest. */
async function claim(): Promise<void> {
  const me = process.pid
  const take = db.prepare(
    `UPDATE t0 SET owner = ?, until = ? WHERE id IN (SELECT id FROM t0 WHERE owner IS NULL OR until < ? ORDER BY id LIMIT ${task.batch}) RETURNING id, body`,
  )
  const settle = db.prepare('DELETE FROM t0 WHERE id = ? AND owner = ?')
  while (!resting) {
    db.exec('BEGIN IMMEDIATE')
    const rows = take.all(me, Date.now() + 5000, Date.now()) as { id: number; body: string }[]
    db.exec('COMMIT')
    for (const row of rows) validate(JSON.parse(row.body))
    if (rows.length > 0) {
      db.exec('BEGIN IMMEDIATE')
      for (const row of rows) settle.run(row.id, me)
      db.exec('COMMIT')
      tell('count', rows.length)
      await turn()
    } else await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const roles: Record<Task['role'], () => unknown> = {
  produce: () => atGo(produce),
  consume: () => atGo(consume),
  claim: () =>
    process.on('message', ({ what }: { what: string }) => {
      if (what === 'rest') resting = true
      if (what !== 'go') return
      resting = false
      void claim()
    }),
  'lone-produce': loneProduce,
  'lone-consume': loneConsume,
}

const ended = told('end')
await roles[task.role]()
tell('ready')
await ended
db.close()
process.exit(0)
