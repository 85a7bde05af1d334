import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judge, outstanding, type Verdict } from './judge.ts'
import { planOf, type Slot } from './plan.ts'
import { Actor, sleep, until } from './stagehand.ts'
import { checkStore } from './store.ts'

export interface ChaosResult extends Verdict {
  readonly seed: number
  readonly kills: number
  /** Of them at a named point. */
  readonly atPoints: number
  readonly seconds: number
}

/** The longest that a process may take to reach the point at which it is to die. */
const patience = 1500

/**
 * Kills producers and consumers on one store as the seed plans it, lets everything come to rest, and judges. `transport` is a
 * scheme; the store lies in a folder of its own, which is kept where something is wrong.
 */
export async function chaos(options: {
  kills: number
  seed: number
  transport?: string
  progress?: (kills: number) => void
}): Promise<ChaosResult> {
  const { kills, seed, transport = 'sqlite' } = options
  const folder = mkdtempSync(join(tmpdir(), 'pabal-chaos-'))
  const url = `${transport}:${join(folder, 'store.db')}`
  const started = performance.now()
  let killed = 0
  let atPoints = 0
  const live = async (slot: Slot): Promise<Actor> => {
    for (const death of slot.deaths) {
      const dieAt = 'point' in death ? death : undefined
      const actor = new Actor({ role: slot.role, name: slot.name, url, folder, dieAt, failing: 0.01 })
      await actor.ready
      const timer = setTimeout(() => actor.kill(), 'after' in death ? death.after : patience)
      const from = performance.now()
      const ended = await actor.ended
      clearTimeout(timer)
      if (ended !== 'SIGKILL') throw new Error(`${slot.name} ended by itself: ${ended}`)
      if (dieAt !== undefined && performance.now() - from < patience) atPoints++
      killed++
      options.progress?.(killed)
    }
    const last = new Actor({ role: slot.role, name: slot.name, url, folder })
    await last.ready
    return last
  }
  const slots = planOf(seed, kills)
  const actors = await Promise.all(slots.map(live))
  await sleep(100)
  await Promise.all(actors.slice(0, 2).map((producer) => producer.stop()))
  const faults: string[] = []
  let left = 0
  const settled = () => {
    left = outstanding(folder)
    return left === 0
  }
  await until(
    settled,
    () => `${left} acknowledged messages have no effect`,
    () => left,
  ).catch((error: unknown) => faults.push(String(error)))
  await sleep(200)
  await Promise.all(actors.slice(2).map((consumer) => consumer.stop()))
  const verdict = judge(folder)
  faults.push(...verdict.faults, ...(await checkStore(url)))
  if (faults.length === 0) rmSync(folder, { recursive: true, force: true })
  else faults.push(`the store and the ledgers are kept in ${folder}`)
  return { ...verdict, faults, seed, kills: killed, atPoints, seconds: Math.round((performance.now() - started) / 100) / 10 }
}
