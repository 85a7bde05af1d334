import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../../../src/index.ts'
import type { Task } from './actor.ts'
import { Asker, Oven } from './contract.ts'
import { Ledger } from './ledger.ts'

/** Answers when the file `open` is there. */
export async function oven(app: App, task: Task): Promise<() => Promise<void>> {
  await app.serve(Oven, {
    bake: async ({ payload, reply }) => {
      while (!existsSync(join(task.folder, 'open'))) await new Promise((resolve) => setTimeout(resolve, 10))
      return reply.Baked(payload)
    },
  })
  return async () => {}
}

/** Asks, and notes each reply that reaches its handler with the context that was given. */
export async function ask(app: App, task: Task): Promise<() => Promise<void>> {
  const replies = new Ledger(join(task.folder, 'replies'))
  const asker = await app.serve(Asker, {
    replies: {
      bake: { Baked: ({ payload, context, message }) => replies.append([`${payload.seq} ${context.guest} ${message.id} ${task.name}`]) },
    },
  })
  for (let seq = 0; seq < (task.ask ?? 0); seq++)
    await asker.call.bake.send({ key: `k${seq}`, seq }, { context: { guest: `guest-${seq}` } })
  return async () => {}
}
