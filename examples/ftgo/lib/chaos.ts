import { setTimeout as pause } from 'node:timers/promises'
import { type ServiceName, serviceNames } from './place.ts'
import type { Supervisor } from './supervisor.ts'
import type { Tracker } from './tracker.ts'

/** How long a kill may wait for an order to come to its end since the kill before, in milliseconds. */
const patience = 5000

/**
 * Kills one service after another, at least one, until three quarters of the orders have come to their end or one service was
 * killed for every eight orders (five, where there are few), or the town is
 * being closed. The seed fixes who is killed and the least time between two kills. A
 * kill also waits for an order to complete, so that on a slow machine chaos does not hit a town in which nothing has happened yet.
 */
export async function unleash(
  supervisor: Supervisor,
  tracker: Tracker,
  random: () => number,
  count: number,
  stopping: AbortSignal,
): Promise<void> {
  const most = Math.max(5, Math.ceil(count / 8))
  await pause(50 + 150 * random())
  let victim: ServiceName = 'history'
  do {
    // Not the same one twice in a row: everybody's turn comes sooner.
    const others = serviceNames.filter((name) => name !== victim)
    victim = others[Math.floor(random() * others.length)] ?? victim
    await supervisor.whenReady(victim)
    supervisor.kill(victim)
    const before = tracker.complete
    const end = performance.now() + patience
    await pause(300 + 900 * random())
    while (tracker.complete === before && !stopping.aborted && performance.now() < end) await pause(20)
  } while (supervisor.kills < most && tracker.complete < count * 0.75 && !stopping.aborted)
}
