import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type ContractOf, connect, defineService, notification } from '../../src/index.ts'

const contract = defineService('load', {
  version: '1.0.0',
  commands: { job: notification(z.object({ key: z.string(), n: z.number() }), { key: 'key' }) },
})
export interface Load extends ContractOf<typeof contract> {}
export const Load: Load = contract

/** A process that works: the store, the file to which each job that was done is written, how long one takes, how long it may drain. */
if (import.meta.main === true) {
  const [, , url = '', journal = '', longest = '0', drain = '5s'] = process.argv
  const app = await connect(url, { drain: drain as '5s', logger: { info: () => {}, warn: () => {}, error: (text) => console.log(text) } })
  await app.serve(Load, {
    job: async ({ payload }) => {
      await pause(Number(longest))
      appendFileSync(journal, `${payload.n}\n`)
    },
  })
  app.closeOn(['SIGTERM'])
  console.log('open')
}
