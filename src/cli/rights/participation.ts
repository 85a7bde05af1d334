import { eventChannel, gatherChannel, replyChannel, serviceChannel } from '../../channel/names.ts'
import type { MessageData, ServiceData } from '../../contract/data.ts'
import type { LaneUse, Participation } from '../../transport/rights.ts'

/** What the service of a contract does; `subscribes`: the aggregates whose events it handles, which its contract does not say. */
export function participationOf(contract: ServiceData, subscribes: readonly string[], as = contract.name): Participation {
  const own = serviceChannel(contract.name)
  const durable = [...Object.values(contract.commands), ...Object.values(contract.documents)]
  const queries = Object.values(contract.queries)
  const toMany = queries.filter(({ to }) => to === 'many')
  const uses = Object.values(contract.uses)
  const awaitsLater = uses.some(({ message, awaited }) => message.kind === 'command' && awaited !== true)
  const events = Object.keys(contract.events)
  return {
    name: as,
    reads: [
      ...(durable.length > 0 ? [{ channel: own, durable: true, own: true }] : []),
      ...(queries.length > toMany.length ? [{ channel: own, durable: false, own: true }] : []),
      ...toMany.map(({ type }) => ({ channel: gatherChannel(contract.name, type), group: as, durable: false, own: true })),
      ...subscribes.map((aggregate) => ({ channel: eventChannel(aggregate), group: as, durable: true, own: events.includes(aggregate) })),
      ...(awaitsLater ? [{ channel: replyChannel(as), durable: true, own: true }] : []),
    ],
    owns: events.map((aggregate) => ({ channel: eventChannel(aggregate), durable: true })),
    sends: uses.map(({ message }) => laneOf(message)),
    asks: uses.some(({ message }) => message.kind === 'command' || message.kind === 'query'),
    answers: queries.length > 0 || durable.some(({ kind }) => kind === 'command'),
  }
}

function laneOf({ service, type, kind, to }: MessageData): LaneUse {
  if (kind !== 'query') return { channel: serviceChannel(service), durable: true }
  return { channel: to === 'many' ? gatherChannel(service, type) : serviceChannel(service), durable: false }
}
