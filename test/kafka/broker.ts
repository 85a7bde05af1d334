import { connect } from 'node:net'
import { Admin } from '@platformatic/kafka'
import { systemRuntime } from '../../src/runtime/system.ts'

export const port = Number(process.env.PABAL_KAFKA_PORT ?? 19092)
export const address = `127.0.0.1:${port}`

/** Begins the names of everything that a test file makes. */
export const freshPrefix = (): string => `t${systemRuntime.id().replaceAll('-', '').slice(6, 22)}.`

/** Whether Kafka listens there. With PABAL_REQUIRE_SERVERS a missing one is a failure. */
export async function kafkaThere(): Promise<boolean> {
  const up = await new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
  if (!up && process.env.PABAL_REQUIRE_SERVERS) throw new Error(`Kafka (npm run services up kafka) does not listen on ${address}`)
  if (!up) console.warn(`skipped: Kafka (npm run services up kafka) does not listen on ${address}`)
  return up
}

export async function removeTopics(prefix: string): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [address] })
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
  if (topics.length > 0) await admin.deleteTopics({ topics })
  await admin.close()
}
