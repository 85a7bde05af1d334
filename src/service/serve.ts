import type { Channel } from '../channel/channel.ts'
import {
  deadLetterChannel,
  eventChannel,
  gatherChannel,
  invalidMessageChannel,
  replyChannel,
  replyTarget,
  serviceChannel,
  validName,
} from '../channel/names.ts'
import type { ServiceData } from '../contract/data.ts'
import { createConsumer } from '../delivery/consumer.ts'
import type { Consumer, DeliveryPolicy, Route } from '../delivery/types.ts'
import { Faults, PabalError } from '../errors.ts'
import { makeErrorReply } from '../interaction/reply.ts'
import type { Message } from '../message/message.ts'
import type { Subscription } from '../transport/seam.ts'
import { claimAggregates } from './claims.ts'
import type { Core } from './core.ts'
import { checkForeign, foreignRoute, withForeign } from './foreign.ts'
import { checkServeOptions, policyOf, type ServeOptions } from './options.ts'
import type { Owners } from './owners.ts'
import { checkCapabilities, type Handled, type HandlersData, isContract, type Plan, planOf } from './plan.ts'
import { OneWayRoute, type Participant, QueryRoute, ReplyingRoute, ReplyRoute } from './routes.ts'
import { DirectSpeaker } from './speaker.ts'
import { voiceOf } from './voice.ts'

/** A running service; the typed `ServiceHandle` is this, seen through its contract. */
export interface ServiceRuntime {
  readonly name: string
  readonly call: object
  readonly publish: object
  setConcurrency(value: number): void
  close(): Promise<void>
  /** For the app: its consumers, and its end by a deadline. */
  readonly consumers: readonly Consumer[]
  stop(deadline: number): Promise<void>
}

/** Checks everything, makes the channels, and starts the consumers of one participant. */
export async function startService(
  core: Core,
  owners: Owners,
  contract: ServiceData,
  handlers: HandlersData,
  options: ServeOptions,
  closed: () => void,
): Promise<ServiceRuntime> {
  if (!isContract(contract))
    throw new PabalError('INVALID_CONFIGURATION', 'serve was not given a contract: pass what defineService returned')
  const faults = new Faults()
  const what = `serve ${contract.name}`
  const as = options.as ?? contract.name
  if (!validName.test(as))
    faults.add('INVALID_OPTION', `${what}: the option "as" is ${JSON.stringify(as)}, give a letter and then letters, digits, _ or -`)
  checkServeOptions(options, what, faults)
  const policy = policyOf(core.options, options, what, faults)
  const plan = planOf(contract, handlers, faults)
  checkForeign(options.foreign, plan.durable, what, faults)
  owners.check(contract, as, plan, faults)
  checkCapabilities(plan, core.capabilities, what, core.transport.name, faults)
  if (policy.atEnd === 'park' && !core.capabilities.parks)
    faults.add('UNSUPPORTED', `${what}: the option atEnd is 'park', and the transport ${core.transport.name} does not declare "parks"`)
  faults.throwIfAny('INVALID_CONFIGURATION', what)

  const give = owners.claim(contract, as, plan)
  const voice = voiceOf(contract, as, core.settings.within)
  const participant: Participant = { core, as, voice, middleware: [...(core.options.middleware ?? []), ...(options.middleware ?? [])] }
  const foreign = foreignRoute(options.foreign, plan.durable, participant)
  const lanes = lanesOf(contract, plan, participant).map((lane) => ({
    ...lane,
    routes: withForeign(lane.routes, lane.durable ? foreign : undefined),
  }))
  const consumers: Consumer[] = []
  let claim: Subscription | undefined
  const stop = async (deadline: number): Promise<void> => {
    const ends = await Promise.allSettled(consumers.map((consumer) => consumer.close(deadline)))
    // Nobody waits for it: a transport that is lost may never answer, and whoever comes next looks for a while.
    claim?.close().catch(() => undefined)
    give()
    closed()
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  try {
    claim = await claimAggregates(core, contract)
    await core.outbound.provision([...lanes.flatMap(beside), ...voice.ports.map((port) => port.channel)])
    consumers.push(...(await consumeAll(core, lanes, policy)))
  } catch (error) {
    await stop(0).catch(() => undefined)
    throw error
  }
  const speaker = new DirectSpeaker(core, as)
  let stopping: Promise<void> | undefined
  const once = (deadline: number): Promise<void> => (stopping ??= stop(deadline))
  return {
    name: as,
    call: new voice.Call(speaker),
    publish: new voice.Publish(speaker),
    setConcurrency: (value) => {
      if (!Number.isSafeInteger(value) || value < 1)
        throw new PabalError('INVALID_OPTION', `${what}: setConcurrency was given ${String(value)}, give a whole number from 1`)
      for (const consumer of consumers) consumer.setConcurrency(value)
    },
    close: () => once(core.settings.drain),
    consumers,
    stop: once,
  }
}

/** One subscription: a lane of a channel, and where each of its messages goes. */
interface Lane {
  readonly channel: Channel
  readonly group: string | undefined
  readonly durable: boolean
  readonly unknown: 'skip' | 'grace'
  readonly routes: (message: Message) => Route | undefined
  readonly as: string
}

function lanesOf(contract: ServiceData, plan: Plan, participant: Participant): Lane[] {
  const { as, voice } = participant
  const own = serviceChannel(contract.name)
  const lanes: Lane[] = []
  const commands = tableOf(plan.durable, ({ data, handler }) =>
    data.kind === 'command' ? new ReplyingRoute(participant, data, handler) : new OneWayRoute(participant, data, handler),
  )
  if (plan.durable.length > 0) lanes.push({ channel: own, group: contract.name, durable: true, unknown: 'grace', routes: commands, as })
  const queries = tableOf(plan.queries, ({ data, handler }) => new QueryRoute(participant, data, handler))
  if (plan.queries.length > 0) lanes.push({ channel: own, group: contract.name, durable: false, unknown: 'grace', routes: queries, as })
  for (const question of plan.gathers)
    lanes.push({
      channel: gatherChannel(contract.name, question.data.type),
      group: as,
      durable: false,
      unknown: 'skip',
      routes: tableOf([question], ({ data, handler }) => new QueryRoute(participant, data, handler)),
      as,
    })
  lanes.push(...eventLanes(plan.events, participant, as))
  if (plan.replies.size > 0) {
    const routes = new Map<string, Map<string, Route>>()
    for (const [use, handlers] of plan.replies) {
      const port = voice.uses.get(use)
      const byName = new Map<string, Route>()
      for (const [name, handler] of handlers) {
        const reply = port?.replies.get(name)
        if (reply !== undefined) byName.set(name, new ReplyRoute(participant, use, reply, contract.uses[use]?.context, handler))
      }
      routes.set(use, byName)
    }
    lanes.push({
      channel: replyChannel(as),
      group: as,
      durable: true,
      unknown: 'grace',
      routes: (message) => routes.get(message.extensions.replyuse ?? '')?.get(message.type),
      as,
    })
  }
  return lanes
}

/** One lane an aggregate; `group` undefined: for as long as this process lives. */
export function eventLanes(events: Plan['events'], participant: Participant, group: string | undefined): Lane[] {
  return [...events].map(([aggregate, handled]) => ({
    channel: eventChannel(aggregate),
    group,
    durable: true,
    unknown: 'skip' as const,
    routes: tableOf(handled, ({ data, handler }) => new OneWayRoute(participant, data, handler)),
    as: participant.as,
  }))
}

/** All of them or none, and all at once: a broker may let a new queue rest for a second before it is used. */
export async function consumeAll(core: Core, lanes: readonly Lane[], policy: DeliveryPolicy): Promise<Consumer[]> {
  const begun = await Promise.allSettled(lanes.map((lane) => consume(core, lane, policy)))
  const consumers = begun.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = begun.find((one) => one.status === 'rejected')
  if (failed === undefined) return consumers
  await Promise.allSettled(consumers.map((consumer) => consumer.close(0)))
  throw failed.reason
}

function consume(core: Core, lane: Lane, policy: DeliveryPolicy): Promise<Consumer> {
  const { transport, capabilities, runtime, counters } = core
  return createConsumer({
    transport,
    capabilities,
    runtime,
    channel: lane.channel,
    group: lane.group,
    durable: lane.durable,
    policy,
    route: lane.routes,
    unknown: lane.unknown,
    counters,
    report: (event) => core.report(event),
    // Whoever waits at an inbox is told at once. A durable reply channel is not: the message may be redriven and then answered.
    onEnd: (message, error) =>
      message.replyTo !== undefined && replyTarget(message.replyTo)?.kind === 'inbox'
        ? [makeErrorReply(message, lane.as, error.code, runtime.now())]
        : [],
  })
}

/** The lane's channel and what lies beside it. */
export function beside(lane: Lane): Channel[] {
  return lane.durable
    ? [lane.channel, deadLetterChannel(lane.channel, lane.group), invalidMessageChannel(lane.channel, lane.group)]
    : [lane.channel]
}

function tableOf(handled: readonly Handled[], make: (handled: Handled) => OneWayRoute): (message: Message) => Route | undefined {
  const routes = new Map(handled.map((each) => [each.data.type, make(each)]))
  return (message) => {
    const route = routes.get(message.type)
    return route?.knows(message) === true ? route : undefined
  }
}
