import { join } from 'node:path'
import { type App, isPabalError } from '../../../src/index.ts'
import type { Task } from './actor.ts'
import { Work } from './contract.ts'
import { Ledger, readLedger } from './ledger.ts'
import { sleep } from './stagehand.ts'

const keys = 8

interface Intent {
  readonly key: string
  readonly seq: number
  readonly id: string
}

/**
 * Sends numbered notes of its own keys. What it means to send is on disk before it is sent, what was acknowledged is noted after;
 * a later life sends again, under the same ids and in order, what an earlier one does not know of.
 */
export async function produce(app: App, task: Task): Promise<() => Promise<void>> {
  const path = join(task.folder, `${task.name}.ledger`)
  const next = new Map<string, number>()
  const open = new Map<string, Intent>()
  for (const [what, id = '', key = '', seq = ''] of readLedger(path)) {
    if (what === 'sent') open.delete(id)
    else {
      open.set(id, { id, key, seq: Number(seq) })
      next.set(key, Number(seq) + 1)
    }
  }
  const ledger = new Ledger(path)
  const { work } = app.clients({ work: Work })
  let idle = true
  const send = async (intents: readonly Intent[]) => {
    await Promise.all(intents.map(sendOne))
    if (idle && intents.length > 0) process.send?.('busy')
    idle &&= intents.length === 0
  }
  /** Until it is acknowledged, under the same id: an attempt that failed may have arrived. */
  const sendOne = async ({ key, seq, id }: Intent) => {
    while (true) {
      try {
        await work.note({ key, seq }, { id })
        break
      } catch (error) {
        if (!isPabalError(error) || !error.retryable) throw error
        await sleep(50)
      }
    }
    ledger.append([`sent ${id}`])
  }
  let stopping = false
  const loop = (async () => {
    // what an earlier life may or may not have sent: once more, in order, before anything new
    await send([...open.values()])
    while (!stopping) {
      const intents: Intent[] = []
      for (let n = 0; n < keys; n++) {
        const key = `${task.name}/${n}`
        const seq = next.get(key) ?? 0
        next.set(key, seq + 1)
        intents.push({ key, seq, id: `${key}/${seq}/${process.pid}` })
      }
      ledger.append(
        intents.map(({ id, key, seq }) => `intent ${id} ${key} ${seq}`),
        true,
      )
      await send(intents)
      await sleep(task.pause ?? 4)
    }
  })()
  loop.catch((error: unknown) => {
    console.error(task.name, error)
    process.exit(3)
  })
  return async () => {
    stopping = true
    await loop
  }
}
