import { setTimeout as pause } from 'node:timers/promises'
import { type ServiceName, serviceNames } from './place.ts'
import type { Victim } from './stage.ts'
import type { Supervisor } from './supervisor.ts'
import type { Tracker } from './tracker.ts'

/** How long the broker is spared while no order has come to its end, in milliseconds. */
const firstOrder = 30_000

export interface Chaos {
  readonly supervisor: Supervisor
  readonly tracker: Tracker
  readonly random: () => number
  /** How many orders there will be. */
  readonly count: number
  readonly stopping: AbortSignal
  /** How long a kill may wait for an order to come to its end since the kill before, in milliseconds. */
  readonly patience: number
  /** Only where the demo started it: the first to be killed, then as often as any service. */
  readonly broker: Victim | undefined
}

/**
 * Kills one service after another, at least one, until three quarters of the orders have come to their end or one service was
 * killed for every eight orders (five, where there are few), or the town is
 * being closed. The seed fixes who is killed and the least time between two kills. A
 * kill also waits for an order to complete, so that on a slow machine chaos does not hit a town in which nothing has happened yet.
 */
export async function unleash({ supervisor, tracker, random, count, stopping, patience, broker }: Chaos): Promise<void> {
  const most = Math.max(5, Math.ceil(count / 8))
  await pause(50 + 150 * random())
  const victims = broker === undefined ? serviceNames : (['broker', ...serviceNames] as const)
  let victim: ServiceName | 'broker' | undefined
  do {
    // Not the same one twice in a row: everybody's turn comes sooner.
    const others = victims.filter((name) => name !== (victim ?? 'history'))
    victim = victim === undefined && broker !== undefined ? 'broker' : others[Math.floor(random() * others.length)]
    if (victim === undefined) return
    if (victim === 'broker') {
      // It shall have something to lose; and RabbitMQ may not find again a queue that it was just making.
      const end = performance.now() + firstOrder
      while (tracker.complete === 0 && !stopping.aborted && performance.now() < end) await pause(20)
      await broker?.kill()
    } else {
      await supervisor.whenReady(victim)
      supervisor.kill(victim)
    }
    const before = tracker.complete
    const end = performance.now() + patience
    await pause(300 + 900 * random())
    while (tracker.complete === before && !stopping.aborted && performance.now() < end) await pause(20)
  } while (supervisor.kills < most && tracker.complete < count * 0.75 && !stopping.aborted)
}
