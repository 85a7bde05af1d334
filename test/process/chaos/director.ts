import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Task } from './actor.ts'
import { killBroker } from './broker.ts'
import { judge, outstanding, type Verdict } from './judge.ts'
import { brokerPlanOf, planOf, type Slot } from './plan.ts'
import { openStage, type TransportName } from './stage.ts'
import { Actor, sleep, until } from './stagehand.ts'
import { checkStore } from './store.ts'

export interface ChaosResult extends Verdict {
  readonly seed: number
  /** Of producers, consumers and the broker. */
  readonly kills: Readonly<Record<'producer' | 'consumer' | 'broker', number>>
  /** Of producers and consumers at a named point. */
  readonly atPoints: number
  /** Of the broker while nothing was handled for long. */
  readonly idle: number
  readonly seconds: number
}

export interface ChaosOptions {
  /** Of producers and consumers together. */
  readonly kills: number
  readonly brokerKills?: number
  readonly seed: number
  readonly transport?: TransportName
  readonly progress?: (kills: ChaosResult['kills']) => void
}

/**
 * Kills producers, consumers and the broker as the seed plans it, lets everything come to rest, and judges. What was written lies in
 * a folder of its own, which is kept where something is wrong.
 */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { kills, brokerKills = 0, seed, transport = 'sqlite' } = options
  const folder = mkdtempSync(join(tmpdir(), 'pabal-chaos-'))
  const { url, broker, close } = await openStage(transport, folder)
  // the longest that a process may take to reach the point at which it is to die: a broker may be away
  const patience = broker === undefined ? 1500 : 4000
  const actors: Actor[] = []
  try {
    return await run()
  } finally {
    for (const actor of actors) actor.kill()
    await close()
  }

  async function run(): Promise<ChaosResult> {
    const started = performance.now()
    const killed = { producer: 0, consumer: 0, broker: 0 }
    let atPoints = 0
    let idle = 0
    const count = (role: keyof typeof killed) => {
      killed[role]++
      options.progress?.(killed)
    }
    const start = async ({ role, name, maxMessages }: Slot, more: Pick<Task, 'dieAt' | 'failing'>) => {
      // on a broker a takeover takes seconds: what is sent meanwhile must be handled too
      const actor = new Actor({ role, name, url, folder, maxMessages, pause: broker === undefined ? undefined : 50, ...more })
      actors.push(actor)
      await actor.ready
      return actor
    }
    const live = async (slot: Slot): Promise<Actor> => {
      for (const death of slot.deaths) {
        const dieAt = 'point' in death ? death : undefined
        const actor = await start(slot, { dieAt, failing: 0.01 })
        await actor.busy(broker === undefined ? 0 : 15_000)
        const timer = setTimeout(() => actor.kill(), 'after' in death ? death.after : patience)
        const from = performance.now()
        const ended = await actor.ended
        clearTimeout(timer)
        if (ended !== 'SIGKILL') throw new Error(`${slot.name} ended by itself: ${ended}; seed ${seed}, see ${folder}`)
        if (dieAt !== undefined && performance.now() - from < patience) atPoints++
        count(slot.role)
        actors.splice(actors.indexOf(actor), 1)
      }
      return await start(slot, {})
    }
    const breaking = async () => {
      if (broker === undefined) return
      await killBroker(broker, brokerPlanOf(seed, brokerKills), folder, (nothing) => {
        count('broker')
        if (nothing) idle++
      })
    }
    const [last] = await Promise.all([Promise.all(planOf(seed, kills).map(live)), breaking()])
    await sleep(100)
    const faults: string[] = []
    const stop = async (some: readonly Actor[]) => {
      for (const how of await Promise.all(some.map((actor) => actor.stop())))
        if (how !== 'exit 0') faults.push(`the last life of a process did not end in peace: ${how}`)
    }
    await stop(last.slice(0, 2))
    let left = 0
    const settled = () => {
      left = outstanding(folder)
      return left === 0
    }
    await until(
      settled,
      () => `${left} acknowledged messages have no effect`,
      () => left,
      broker === undefined ? 20_000 : 60_000,
    ).catch((error: unknown) => faults.push(String(error)))
    await sleep(200)
    await stop(last.slice(2))
    const verdict = judge(folder)
    faults.push(...verdict.faults, ...(await checkStore(url)))
    if (faults.length === 0) rmSync(folder, { recursive: true, force: true })
    else faults.push(`the store and the ledgers are kept in ${folder}`)
    return { ...verdict, faults, seed, kills: killed, atPoints, idle, seconds: Math.round((performance.now() - started) / 100) / 10 }
  }
}
