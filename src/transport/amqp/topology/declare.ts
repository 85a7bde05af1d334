import { PabalError } from '../../../errors.ts'
import { brief, replyCode } from '../faults.ts'
import type { Ops } from '../link/ops.ts'

export type Mode = 'create' | 'check'

export interface Queue {
  readonly queue: string
  readonly args: Readonly<Record<string, unknown>>
  readonly autoDelete?: boolean
  readonly durable?: boolean
}

/** Something on the broker as it should be. */
export type Wanted = Queue | { readonly exchange: string; readonly type: 'direct' | 'topic' | 'fanout' | 'headers' }

/**
 * Makes it, or checks that it is there and as it should be. Nothing that is there is altered. Rejects with a coded error. False: it is
 * there, and somebody else's, since this user may not make it.
 */
export async function declare(ops: Ops, wanted: Wanted, mode: Mode): Promise<boolean> {
  if (mode === 'check' && !(await exists(ops, wanted))) throw new PabalError('INVALID_CONFIGURATION', `amqp: ${shown(wanted)} is not there`)
  try {
    await ops.again((channel) =>
      'queue' in wanted
        ? channel.assertQueue(wanted.queue, {
            durable: wanted.durable ?? true,
            autoDelete: wanted.autoDelete ?? false,
            arguments: wanted.args,
          })
        : channel.assertExchange(wanted.exchange, wanted.type, { durable: true }),
    )
    return true
  } catch (cause) {
    // Who may not make it may still use it: it is there.
    if (replyCode(cause) === 403 && (mode === 'check' || (await exists(ops, wanted)))) return false
    throw refused(cause, shown(wanted))
  }
}

/**
 * A quorum queue whose node is killed within a second of making it never answers again, however often the node is started, and whatever was
 * confirmed in it is lost (seen on 3.10): the node writes the queue's name down when it made none for half a second. So nothing is sent to
 * a new queue before; it may be read. Resolves when it may be sent to; true where another `finished` it. One that does not answer then is
 * made again: it holds nothing.
 */
export async function settle(
  ops: Ops,
  queues: readonly Queue[],
  asks: 'nudge' | 'get',
  { still, finished }: Settling = {},
): Promise<boolean> {
  if (!queues.some(({ args }) => args['x-queue-type'] === 'quorum')) return false
  for (let tries = 1; ; tries++) {
    if (await waitFor(ops, finished)) return true
    const answers = await Promise.all(queues.map(({ queue }) => ops.answers(queue, asks)))
    const dead = queues.filter((_, at) => !answers[at])
    if (dead[0] === undefined) return false
    if (tries === 3 || still?.() === false) throw new PabalError('BROKER_UNREACHABLE', `amqp: ${shown(dead[0])} does not answer`)
    await Promise.all(dead.map((queue) => anew(ops, queue)))
  }
}

async function anew(ops: Ops, wanted: Queue): Promise<void> {
  // A sender that found it answering may have used it meanwhile: it is only slow.
  if (await exists(ops, settledMark(wanted.queue))) return
  await ops.run(async (channel) => {
    const { messageCount } = await channel.checkQueue(wanted.queue)
    if (messageCount === 0) await channel.deleteQueue(wanted.queue)
  })
  await declare(ops, wanted, 'create')
}

interface Settling {
  /** Whether it is still wanted. */
  readonly still?: (() => boolean) | undefined
  /** Whether somebody else, who began before, is done. */
  readonly finished?: (() => Promise<boolean>) | undefined
}

/** Resolves when a new queue is old enough, or when it is `finished`: true. */
export async function waitFor(ops: Ops, finished?: () => Promise<boolean>): Promise<boolean> {
  for (let waited = 0; waited < settling; waited += lookEvery) {
    await ops.pause(lookEvery)
    if (await finished?.()) return true
  }
  return false
}

/** In milliseconds. */
const settling = 1500
const lookEvery = 250

/** An exchange that says of a queue: it was sent to, or may be. */
export const settledMark = (queue: string): Wanted => ({ exchange: `${queue}/settled`, type: 'fanout' })

/** Makes a queue where it is not there, and resolves when it may be sent to. */
export async function settled(ops: Ops, wanted: Queue, still?: () => boolean): Promise<void> {
  const mark = settledMark(wanted.queue)
  const there = (await exists(ops, mark)) && (await exists(ops, wanted))
  await declare(ops, wanted, 'create')
  if (there) return
  await settle(ops, [wanted], 'nudge', { still })
  await declare(ops, mark, 'create')
}

export async function exists(ops: Ops, wanted: Wanted): Promise<boolean> {
  try {
    await ops.again<unknown>((channel) => ('queue' in wanted ? channel.checkQueue(wanted.queue) : channel.checkExchange(wanted.exchange)))
    return true
  } catch (error) {
    if (replyCode(error) === 404) return false
    // Another connection's own is there all the same.
    if (replyCode(error) === 405) return true
    throw error
  }
}

export function shown(wanted: Wanted): string {
  if ('exchange' in wanted) return `the ${wanted.type} exchange ${wanted.exchange}`
  const args = Object.entries(wanted.args).map(([name, value]) => `${name}=${String(value)}`)
  return `the queue ${wanted.queue} (durable${args.length > 0 ? `, ${args.join(', ')}` : ''})`
}

/** An operation of the broker that failed. */
export function refused(cause: unknown, what: string): PabalError {
  if (cause instanceof PabalError) return cause
  const code = replyCode(cause)
  if (code === 406)
    return new PabalError('INVALID_CONFIGURATION', `amqp: something else stands where ${what} should be: ${brief(cause)}`, { cause })
  if (code === 403) return new PabalError('ACCESS_REFUSED', `amqp: ${what} cannot be made: ${brief(cause)}`, { cause })
  if (code !== undefined) return new PabalError('INVALID_CONFIGURATION', `amqp: ${what} cannot be made: ${brief(cause)}`, { cause })
  return new PabalError('BROKER_UNREACHABLE', `amqp: ${what} could not be made: ${brief(cause)}`, { cause })
}
