import type { Channel } from './channel.ts'

/** The names of the channels that follow from a contract. Addresses are `[A-Za-z0-9_-]` segments joined by dots. */
export const validName = /^[A-Za-z][A-Za-z0-9_-]{0,99}$/

/** Commands, notifications, documents and queries to one: on the service's own name. */
export const serviceChannel = (service: string): Channel => ({ address: service, kind: 'point-to-point' })

/** Events: on the aggregate's name. */
export const eventChannel = (aggregate: string): Channel => ({ address: aggregate, kind: 'publish-subscribe' })

/** A query to many (publish/async responses): on a channel of its own. */
export const gatherChannel = (service: string, query: string): Channel => ({ address: `${service}.${query}`, kind: 'publish-subscribe' })

/** The durable replies to a service, which survive its restart. */
export const replyChannel = (service: string): Channel => ({ address: `reply.${service}`, kind: 'point-to-point' })

/** What could not be handled (EIP: Dead Letter Channel), per channel and consumer group. */
export const deadLetterChannel = (channel: Channel, group?: string): Channel => beside(channel, group, 'dead')

/** What could not be decoded or does not fit its schema (EIP: Invalid Message Channel), per channel and consumer group. */
export const invalidMessageChannel = (channel: Channel, group?: string): Channel => beside(channel, group, 'invalid')

function beside(channel: Channel, group: string | undefined, what: string): Channel {
  const own = channel.kind === 'point-to-point' || group === undefined ? channel.address : `${channel.address}.${group}`
  return { address: `${own}.${what}`, kind: 'point-to-point' }
}

/** The channel behind a reply address, or undefined where the address lies outside the reply namespace. */
export function replyTarget(address: string): Channel | undefined {
  if (/^inbox\.[\w.:@/+=~-]{1,300}$/.test(address)) return { address, kind: 'inbox' }
  if (/^reply\.[A-Za-z][\w-]{0,99}$/.test(address)) return { address, kind: 'point-to-point' }
  return undefined
}
