import type { FaultPoint } from '../../../src/runtime/runtime.ts'
import { draw } from './draw.ts'

/** How one life of a process ends: after some time, or at the nth pass of a named point. */
export type Death = { readonly after: number } | { readonly point: FaultPoint; readonly pass: number }

/** How one life of a broker ends: so long after something was handled, and how long it stays away; in milliseconds. */
export interface BrokerDeath {
  readonly after: number
  readonly down: number
}

export interface Slot {
  readonly name: string
  readonly role: 'producer' | 'consumer'
  /** One death a life, in order; the life after the last ends in peace. */
  readonly deaths: readonly Death[]
  /** Consumers: how much they take at once, each another number. */
  readonly maxMessages?: number | undefined
}

const storing: readonly FaultPoint[] = ['transport.commit.before', 'transport.commit.after', 'transport.sync.after']
const producing: readonly FaultPoint[] = ['send.before', 'send.after', ...storing]
const consuming: readonly FaultPoint[] = ['handle.before', 'handle.after', 'settle.after', 'transport.settle.before', ...storing]

/** Who dies how, for a seed: the same again for the same seed and number of kills. */
export function planOf(seed: number, kills: number): readonly Slot[] {
  const random = draw(seed)
  const slots = [
    { name: 'producer-0', role: 'producer', deaths: [] as Death[] },
    { name: 'producer-1', role: 'producer', deaths: [] as Death[] },
    { name: 'consumer-0', role: 'consumer', deaths: [] as Death[], maxMessages: 1000 },
    { name: 'consumer-1', role: 'consumer', deaths: [] as Death[], maxMessages: 40 },
    { name: 'consumer-2', role: 'consumer', deaths: [] as Death[], maxMessages: 5 },
  ] as const
  for (let kill = 0; kill < kills; kill++) {
    const slot = slots[kill % slots.length] as (typeof slots)[number]
    const points = slot.role === 'producer' ? producing : consuming
    const point = points[Math.floor(random() * points.length)] as FaultPoint
    const pass = 1 + Math.floor(random() * 60)
    const after = Math.floor(random() ** 2 * 400)
    slot.deaths.push(random() < 0.5 ? { after } : { point, pass })
  }
  return slots
}

/** The same for the broker. Some deaths are short, some outlast a connection's patience. */
export function brokerPlanOf(seed: number, kills: number): readonly BrokerDeath[] {
  const random = draw(seed + 1_000_003)
  return Array.from({ length: kills }, () => ({ after: Math.floor(random() * 1500), down: Math.floor(random() ** 3 * 3000) }))
}
