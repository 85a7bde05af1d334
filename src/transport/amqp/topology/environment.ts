import { PabalError } from '../../../errors.ts'
import { replyCode } from '../faults.ts'
import type { Ops } from '../link/ops.ts'
import { type Settings, usualShards } from '../options.ts'
import { declare, exists, type Queue, refused, settle, type Wanted } from './declare.ts'
import { storeFence } from './fences.ts'
import type { Names } from './names.ts'

/** More redeliveries than there ever are: what fails is counted and parked above the broker. */
const deliveryLimit = 1_000_000

/** The arguments of a durable queue; `single`: its consumers take turns. */
export function argumentsOf({ queues }: Settings, single: boolean): Record<string, unknown> {
  return {
    'x-queue-type': queues,
    ...(queues === 'quorum' ? { 'x-delivery-limit': deliveryLimit } : {}),
    ...(single ? { 'x-single-active-consumer': true } : {}),
  }
}

/**
 * What all channels of an environment share: made by whoever comes first. Its number of shards is an argument of a queue, so that the
 * first to make it decides, and all others learn it. Resolves to that number.
 */
export async function beginEnvironment(names: Names, ops: Ops, settings: Settings): Promise<number> {
  const shards = await agree(names, ops, settings)
  if ((await lacking(names, ops, settings)).length === 0) return shards
  const { fence, registry, members } = partsOf(names, settings)
  const queues = [fence, registry]
  await Promise.all(queues.map((queue) => declare(ops, queue, 'create')))
  await settle(ops, queues, 'get')
  await ops.run((channel) => storeFence(channel, fence.queue, 1))
  await declare(ops, members, 'create')
  return shards
}

/** The exchange is made last: where it is, the queues were and could be sent to. */
const partsOf = (names: Names, settings: Settings): { readonly fence: Queue; readonly registry: Queue; readonly members: Wanted } => ({
  fence: { queue: names.system('fence'), args: argumentsOf(settings, false) },
  registry: { queue: names.system('registry'), args: argumentsOf(settings, false) },
  members: { exchange: names.system('members'), type: 'direct' },
})

/** What an environment must have and has not: never made, or deleted since. */
export async function lacking(names: Names, ops: Ops, settings: Settings): Promise<readonly Wanted[]> {
  const parts: Wanted[] = Object.values(partsOf(names, settings))
  const there = await Promise.all(parts.map((part) => exists(ops, part)))
  return parts.filter((_, at) => !there[at])
}

/** Only looks. Undefined: there is no such environment yet. */
export async function findEnvironment(names: Names, ops: Ops, settings: Settings): Promise<number | undefined> {
  const queue = names.system('settings')
  if (!(await exists(ops, markOf(names, settings.shards ?? usualShards))) && !(await exists(ops, { queue, args: {} }))) return undefined
  return agree(names, ops, settings)
}

const markOf = (names: Names, shards: number): Wanted => ({ exchange: names.system(`shards=${shards}`), type: 'fanout' })

async function agree(names: Names, ops: Ops, { shards: asked }: Settings): Promise<number> {
  let shards = asked ?? usualShards
  // Whoever may make nothing looks only.
  if (await exists(ops, markOf(names, shards))) return shards
  const queue = names.system('settings')
  try {
    await ops.run((channel) => channel.assertQueue(queue, { arguments: { 'x-max-length': shards } }))
  } catch (cause) {
    const there = Number(/current is (?:the value )?'?(\d+)/.exec(String(cause))?.[1])
    if (replyCode(cause) !== 406 || !Number.isSafeInteger(there)) throw refused(cause, `the queue ${queue}`)
    if (asked !== undefined && asked !== there)
      throw new PabalError('INVALID_CONFIGURATION', `amqp: the option shards is ${asked}, the environment ${names.prefix} has ${there}`)
    shards = there
  }
  await declare(ops, markOf(names, shards), 'create')
  return shards
}
