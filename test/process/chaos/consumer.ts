import { join } from 'node:path'
import type { App } from '../../../src/index.ts'
import type { Task } from './actor.ts'
import { Audit, Work } from './contract.ts'
import { Ledger } from './ledger.ts'

/** Appends the effect of each note to a file that all consumers share, and sends the note on to the second stage. */
export async function consume(app: App, task: Task): Promise<() => Promise<void>> {
  const works = new Ledger(join(task.folder, 'work.effects'))
  const audits = new Ledger(join(task.folder, 'audit.effects'))
  const policy = { maxLosses: task.maxLosses ?? 50, maxMessages: task.maxMessages, retry: { delay: 5, maxDelay: 50, attempts: 100 } }
  let idle = true
  const line = (payload: { key: string; seq: number }, id: string) => `${payload.key} ${payload.seq} ${id} ${task.name}`
  await app.serve(Audit, { note: ({ payload, message }) => audits.append([line(payload, message.id)]) }, policy)
  await app.serve(
    Work,
    {
      note: async ({ payload, message, call }) => {
        if (task.poison === `${payload.key} ${payload.seq}`) process.kill(process.pid, 'SIGKILL')
        if (Math.random() < (task.failing ?? 0)) throw new Error('a passing failure')
        works.append([line(payload, message.id)])
        if (idle) process.send?.('busy')
        idle = false
        await call.audit(payload)
      },
      replies: {},
    },
    policy,
  )
  return async () => {}
}
