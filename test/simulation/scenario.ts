import { type DeliveryOptions, policyFrom } from '../../src/delivery/policy.ts'
import type { DeliveryPolicy } from '../../src/delivery/types.ts'
import type { FaultPoint } from '../../src/runtime/runtime.ts'
import type { Draw, Fault, PlannedFault } from '../../src/testing/simulation/index.ts'

/** A message and how its handler behaves, in every group. */
export interface PlannedMessage {
  readonly index: number
  readonly id: string
  readonly key: string | undefined
  /** `New` is not known to members of the old version. */
  readonly type: 'Known' | 'New'
  /** When it is sent, in milliseconds from the start. */
  readonly at: number
  /** The first so many times its handler throws, kills its process, … */
  readonly fails: number
  readonly kills: number
  /** Milliseconds that its handler takes; 0 is at once. */
  readonly slow: number
  /** What its handler sends beside the mark that it was handled. */
  readonly emits: number
  /** Its emissions are not to be handed out before so many milliseconds. */
  readonly delayed: number
}

export interface PlannedEvent {
  readonly at: number
  readonly what: 'join' | 'leave' | 'crash' | 'freeze' | 'handover'
  readonly group: string
  /** How long a freeze lasts, or the deadline of a leave; milliseconds. */
  readonly ms: number
  /** Which of the members that are there. */
  readonly pick: number
}

export interface Scenario {
  readonly kind: 'point-to-point' | 'publish-subscribe'
  readonly groups: readonly string[]
  readonly shards: number
  readonly takeover: { readonly killed: number; readonly frozen: number }
  readonly policy: DeliveryPolicy
  readonly messages: readonly PlannedMessage[]
  /** The first members: the group of each, and whether it is of the old version. */
  readonly members: readonly { readonly group: string; readonly old: boolean }[]
  readonly events: readonly PlannedEvent[]
  readonly faults: readonly PlannedFault[]
  /** A crashed member comes back after so many milliseconds; undefined: not. */
  readonly restart: number | undefined
  /** From here on there are no faults, every handler succeeds, and a healthy member joins each group. */
  readonly end: number
}

const points: readonly [FaultPoint, ...FaultPoint[]] = [
  'handle.before',
  'handle.after',
  'settle.after',
  'park.before',
  'dead-letter.before',
  'transport.settle.before',
  'transport.handover.before',
  'transport.commit.before',
  'transport.commit.after',
]

/** What a seed stands for. */
export function drawScenario(draw: Draw): Scenario {
  const kind = draw.pick(['point-to-point', 'publish-subscribe'])
  const groups = kind === 'publish-subscribe' && draw.chance(0.3) ? ['g', 'h'] : ['g']
  const rough = draw.chance(0.8)
  const mixed = draw.chance(0.2)
  const long = draw.chance(0.15)
  const group = (): string => draw.pick(groups as [string, ...string[]])
  const count = draw.whole(1, 4)
  const members = [...groups, ...Array.from({ length: Math.max(0, count - groups.length) }, group)].map((name) => ({
    group: name,
    old: mixed && draw.chance(0.5),
  }))
  const events = Array.from({ length: rough ? draw.whole(0, 6) : 0 }, () => ({
    at: draw.whole(1, long ? 3500 : 700),
    what: draw.pick(['join', 'join', 'leave', 'crash', 'crash', 'freeze', 'freeze', 'handover']),
    group: group(),
    ms: draw.whole(1, 250),
    pick: draw.whole(0, 100),
  }))
  return {
    kind,
    groups,
    shards: draw.whole(1, 4),
    takeover: { killed: draw.whole(5, 60), frozen: draw.whole(20, 120) },
    policy: drawPolicy(draw),
    messages: drawMessages(draw, mixed, long),
    members,
    events,
    faults: Array.from({ length: rough ? draw.whole(0, 4) : 0 }, () => ({
      point: draw.pick(points),
      pass: draw.whole(1, 25),
      fault: drawFault(draw),
    })),
    restart: draw.chance(0.7) ? draw.whole(5, 100) : undefined,
    end: long ? 4000 : 1000,
  }
}

function drawPolicy(draw: Draw): DeliveryPolicy {
  const options: DeliveryOptions = {
    concurrency: draw.whole(1, 8),
    maxMessages: draw.pick([1, 3, 10, 50]),
    retry: { attempts: draw.whole(2, 5), delay: draw.whole(5, 50), maxDelay: 100, jitter: 0.2 },
    holdFor: draw.pick([0, 50, 200]),
    maxFollowers: draw.whole(0, 5),
    atEnd: draw.pick(['park', 'skip']),
    unknownGrace: draw.pick([60, 400]),
    maxLosses: 3,
  }
  return policyFrom(options)
}

function drawMessages(draw: Draw, mixed: boolean, long: boolean): PlannedMessage[] {
  const keys = draw.whole(1, 6)
  const failing = draw.pick([0, 0.1, 0.3])
  const killing = draw.pick([0, 0, 0.05])
  const slow = draw.pick([0, 0.3, 1])
  const pace = draw.pick([0, 5, 20])
  let at = 1
  return Array.from({ length: draw.whole(5, 40) }, (_, index) => {
    at += draw.whole(0, pace)
    return {
      index,
      id: `m${index}`,
      key: draw.chance(0.9) ? `k${draw.whole(1, keys)}` : undefined,
      type: mixed && draw.chance(0.2) ? 'New' : 'Known',
      at,
      fails: draw.chance(failing) ? draw.pick([1, 2, 3, 9]) : 0,
      kills: draw.chance(killing) ? draw.whole(1, 4) : 0,
      // Handlers of more than a second: long enough for their followers to be parked behind them.
      slow: long && draw.chance(0.1) ? draw.whole(1000, 2500) : draw.chance(slow) ? draw.whole(1, 80) : 0,
      emits: draw.chance(0.3) ? draw.whole(1, 2) : 0,
      delayed: draw.chance(0.1) ? draw.whole(1, 50) : 0,
    }
  })
}

function drawFault(draw: Draw): Fault {
  const kind = draw.pick(['crash', 'crash', 'delay', 'delay', 'freeze', 'handover'])
  return kind === 'crash' || kind === 'handover' ? { kind } : { kind, ms: draw.whole(1, kind === 'delay' ? 60 : 250) }
}
