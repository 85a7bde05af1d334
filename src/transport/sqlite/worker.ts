import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { isPabalError } from '../../errors.ts'
import { explain } from './db/faults.ts'
import { Store } from './db/store.ts'
import type { Operation, Operations, Request, Response, WireError } from './protocol.ts'

/*
 * The thread that owns the database. It takes all requests that wait, puts appends and settlements that stand together into
 * one transaction (group commit), and answers each.
 */
const port = parentPort as MessagePort
let store: Store | undefined
let options: Operations['open']['takes']
let passes = 0
let crashPasses = 0

function trace(event: { what: 'begin' | 'commit' | 'acknowledge'; synced?: boolean; durable?: boolean }): void {
  if (options.trace) port.postMessage({ trace: event } satisfies Response)
}

function point(name: string): void {
  const { kill, crash } = options
  if (kill?.point === name && ++passes === kill.pass) process.kill(process.pid, kill.signal ?? 'SIGKILL')
  if (crash?.point === name && ++crashPasses === crash.pass)
    queueMicrotask(() => {
      throw new Error('a fault was asked for')
    })
}

function answer(id: number, value: unknown): void {
  const segments = (value as Partial<Operations['read']['gives']> | undefined)?.segments
  port.postMessage({ id, value } satisfies Response, segments?.map(({ bytes }) => bytes.buffer as ArrayBuffer) ?? [])
}

function refuse(id: number, error: unknown): void {
  const known = isPabalError(error) ? error : explain(error, options?.file ?? '')
  port.postMessage({ id, error: { code: known.code, message: known.message, hint: known.hint } satisfies WireError } satisfies Response)
}

type Write = Request<'append'> | Request<'settle'>
const isWrite = (request: Request): request is Write => request.op === 'append' || request.op === 'settle'

/** Whether somebody waits for it as safe: a settlement without emissions may be repeated after a power cut. */
function isDurable(request: Write): boolean {
  return (
    request.op === 'append' ||
    (request as Request<'settle'>).args.settlements.some(
      (one) => one.emits !== undefined || one.delays !== undefined || one.parks !== undefined,
    )
  )
}

function applied(request: Write, open: Store): unknown {
  return request.op === 'append' ? open.append((request as Request<'append'>).args) : open.settle((request as Request<'settle'>).args)
}

function write(requests: readonly Write[], open: Store): void {
  const durable = requests.some(isDurable)
  if (options.acknowledgeFirst && durable) trace({ what: 'acknowledge', durable })
  try {
    const results = open.db.write(durable, () => {
      const found = requests.map((request) => applied(request, open))
      passSettling(requests)
      open.trim()
      return found
    })
    if (!options.acknowledgeFirst || !durable) trace({ what: 'acknowledge', durable })
    for (const [i, { id }] of requests.entries()) answer(id, results[i])
  } catch (error) {
    open.rolledBack()
    // Where one of them may be at fault each is tried alone, so that only those which fail are refused.
    if (
      requests.length > 1 &&
      !isPabalError(error, 'STORE_BUSY') &&
      !isPabalError(error, 'STORE_CORRUPT') &&
      !isPabalError(error, 'STORE_REPLACED')
    )
      for (const request of requests) write([request], open)
    else for (const { id } of requests) refuse(id, error)
  }
}

/** The fault points of settling: within the transaction, before it is committed. */
function passSettling(requests: readonly Write[]): void {
  for (const request of requests) {
    if (request.op === 'append') continue
    point('transport.settle.before')
    if ((request as Request<'settle'>).args.settlements.some((one) => one.free)) point('transport.handover.before')
  }
}

type Alone = Exclude<Operation, 'open' | 'append' | 'settle' | 'close'>
const perform = <O extends Alone>(request: Request<O>, open: Store): unknown => open.perform(request.op, request.args)

function run(requests: readonly Request[]): void {
  let writes: Write[] = []
  const flush = (): void => {
    if (writes.length > 0 && store) write(writes, store)
    writes = []
  }
  for (const request of requests) {
    if (isWrite(request)) {
      writes.push(request)
      continue
    }
    flush()
    try {
      if (request.op === 'open') {
        options = request.args as Operations['open']['takes']
        store = new Store({ ...options, point, trace: options.trace ? trace : undefined })
        const { path, shards } = store.db
        answer(request.id, { path, shards, identity: store.db.identity() } satisfies Operations['open']['gives'])
      } else if (request.op === 'close') {
        store?.close()
        store = undefined
        answer(request.id, undefined)
      } else if (store) answer(request.id, perform(request as Request<Alone>, store))
    } catch (error) {
      store?.rolledBack()
      refuse(request.id, error)
    }
  }
  flush()
}

port.on('message', (first: Request) => {
  const requests = [first]
  for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) requests.push(more.message as Request)
  run(requests)
})
