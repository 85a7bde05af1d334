import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Throwaway } from '../../../scripts/services/index.ts'
import type { BrokerDeath } from './plan.ts'
import { sleep } from './stagehand.ts'

/** The longest that a broker which is back may wait to be killed again while nothing is handled. */
const patience = 20_000

/** Kills the broker as planned: each time after it was seen at work, so that every life of it has something to lose. */
export async function killBroker(
  broker: Throwaway,
  deaths: readonly BrokerDeath[],
  folder: string,
  killed: (idle: boolean) => void,
): Promise<void> {
  for (const { after, down } of deaths) {
    const idle = !(await atWork(folder))
    await sleep(after)
    await broker.kill()
    killed(idle)
    await sleep(down)
    await broker.restart()
  }
}

/** Whether consumers did something within the patience. */
async function atWork(folder: string): Promise<boolean> {
  const size = () => statSync(join(folder, 'work.effects'), { throwIfNoEntry: false })?.size ?? 0
  const before = size()
  const deadline = performance.now() + patience
  while (size() === before) {
    if (performance.now() > deadline) return false
    await sleep(20)
  }
  return true
}
