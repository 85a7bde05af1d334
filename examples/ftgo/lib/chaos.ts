import { setTimeout as pause } from 'node:timers/promises'
import { type ServiceName, serviceNames } from './place.ts'
import type { Supervisor } from './supervisor.ts'

/**
 * Kills one service after another, as the seed says, for as long as `wanted` says so; at least one. The seed fixes who is killed and
 * how long after the kill before, not what the victim was doing.
 */
export async function unleash(supervisor: Supervisor, random: () => number, wanted: () => boolean): Promise<void> {
  await pause(50 + 150 * random())
  let victim: ServiceName = 'history'
  do {
    // Not the same one twice in a row: everybody's turn comes sooner.
    const others = serviceNames.filter((name) => name !== victim)
    victim = others[Math.floor(random() * others.length)] ?? victim
    await supervisor.whenReady(victim)
    supervisor.kill(victim)
    await pause(300 + 900 * random())
  } while (wanted())
}
