/*
 * By hand, on node:sqlite: a row a message, a table a consumer, transactions of 500, the same validation and JSON. The
 * consumer deletes what it handled in one transaction, so the promise is the same: at least once, stored (and synced)
 * before the sender goes on. This is the fastest hand-written form that was found (docs/explanation/benchmarks.md).
 */
import { createConnection, createServer } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { tell, told } from './children.ts'
import { order, validate } from './work.ts'

interface Task {
  readonly role: 'produce' | 'consume' | 'claim' | 'lone-produce' | 'lone-consume'
  readonly file: string
  readonly tables: readonly string[]
  readonly count: number
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

async function produce(): Promise<void> {
  for (let sent = 0; sent < task.count; sent += task.batch) {
    db.exec('BEGIN IMMEDIATE')
    for (let i = sent; i < Math.min(task.count, sent + task.batch); i++) {
      const value = order(i)
      validate(value)
      const body = JSON.stringify(value)
      // `copies`: a copy a group. Otherwise the tables are shards of the keys.
      if (task.copies) for (const table of tables) table.insert.run(value.orderId, body)
      else tables[(i % 997) % tables.length]?.insert.run(value.orderId, body)
    }
    db.exec('COMMIT')
    await turn()
  }
}

async function consume(): Promise<void> {
  const [table] = tables
  if (!table) throw new Error('one table a consumer')
  let last = 0
  let seen = 0
  while (seen < task.count) {
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

/** One message at a time, with a pause between; a byte on a Unix socket wakes the consumer. When each was sent. */
async function loneProduce(): Promise<bigint[]> {
  const socket = createConnection(task.socket as string)
  for (let i = 0; i < warmUp; i++) {
    const value = order(i)
    validate(value)
    tables[0]?.insert.run(value.orderId, JSON.stringify(value))
    socket.write('x')
  }
  await new Promise((resolve) => setTimeout(resolve, 10))
  const times: bigint[] = []
  for (let i = 0; i < task.count; i++) {
    times.push(process.hrtime.bigint())
    const value = order(i)
    validate(value)
    tables[0]?.insert.run(value.orderId, JSON.stringify(value))
    socket.write('x')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  socket.end()
  return times
}

/** When each was handled. */
async function loneConsume(): Promise<bigint[]> {
  const times: bigint[] = []
  const [table] = tables
  if (!table) throw new Error('one table')
  const server = createServer((socket) => {
    let last = 0
    socket.on('data', () => {
      for (const row of table.read.all(last) as { id: number; body: string }[]) {
        validate(JSON.parse(row.body))
        times.push(process.hrtime.bigint())
        last = row.id
      }
      table.remove.run(last)
    })
    socket.on('close', () => server.close())
  })
  await new Promise<void>((resolve) => server.listen(task.socket, resolve))
  tell('ready')
  await new Promise((resolve) => server.once('close', resolve))
  return times.slice(-task.count)
}

/** Competes for what nobody has claimed, or somebody claimed long ago: as long as the process lives. */
async function claim(): Promise<void> {
  const me = process.pid
  const take = db.prepare(
    `UPDATE t0 SET owner = ?, until = ? WHERE id IN (SELECT id FROM t0 WHERE owner IS NULL OR until < ? ORDER BY id LIMIT ${task.batch}) RETURNING id, body`,
  )
  const settle = db.prepare('DELETE FROM t0 WHERE id = ? AND owner = ?')
  for (;;) {
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

const ended = told('end')
if (task.role === 'lone-consume') tell('done', await loneConsume())
else {
  tell('ready')
  if (task.role === 'claim') void claim()
  else await told('go')
  if (task.role === 'produce') tell('done', await produce())
  if (task.role === 'consume') tell('done', await consume())
  if (task.role === 'lone-produce') tell('done', await loneProduce())
}
await ended
db.close()
process.exit(0)
