import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished } from 'vitest'
import type { PabalError } from '../../../src/errors.ts'
import { hostedMember, type Mortal } from '../../../src/testing/index.ts'
import { sampleMessage } from '../../../src/testing/samples.ts'
import type { Delivery, Outgoing, Settlement, Subscription, Transport, TransportState } from '../../../src/transport/seam.ts'
import { type SqliteOptions, sqlite } from '../../../src/transport/sqlite/index.ts'

export const queue = { address: 'queue', kind: 'point-to-point' } as const
export const topic = { address: 'topic', kind: 'publish-subscribe' } as const

/** The path of a store in a folder that is removed with the test. */
export function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pabal-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

export interface Opened {
  readonly transport: Transport
  readonly states: TransportState[]
}

/** An open transport, closed with the test. */
export async function opened(options: SqliteOptions): Promise<Opened> {
  const transport = sqlite(options)
  const states: TransportState[] = []
  await transport.open((state) => void states.push(state))
  onTestFinished(() => transport.close())
  await transport.provision([queue, topic], 'create')
  return { transport, states }
}

/** A transport in a process of its own, killed with the test. */
export async function elsewhere(options: SqliteOptions): Promise<Mortal> {
  const member = await hostedMember(new URL('./member.ts', import.meta.url), [JSON.stringify(options)])
  onTestFinished(() => member.kill())
  await member.transport.open(() => {})
  return member
}

export function outgoing(id: string, key?: string, more: Partial<Outgoing> & { body?: Uint8Array } = {}): Outgoing {
  const { body, ...rest } = more
  return { channel: queue, message: sampleMessage(id, 0, { key, body }), durable: true, ...rest }
}

export const batchOf = (count: number, name = 'm', bytes = 100): Outgoing[] =>
  Array.from({ length: count }, (_, i) => outgoing(`${name}-${i}`, `k${i % 50}`, { body: Buffer.alloc(bytes, 97) }))

export const done: Settlement = { emit: [] }

/** A subscription that keeps what came; `decide` may leave a delivery unsettled for ever. */
export async function consumer(
  transport: Transport,
  decide: (delivery: Delivery) => Settlement | Promise<Settlement> = () => done,
  more = {},
) {
  const deliveries: Delivery[] = []
  const subscription: Subscription = await transport.subscribe(
    queue,
    { durable: true, maxMessages: 1000, maxBytes: 64 * 1024 * 1024, ...more },
    async (delivery) => {
      deliveries.push(delivery)
      return decide(delivery)
    },
  )
  return { deliveries, subscription, ids: () => deliveries.map((delivery) => delivery.message.id) }
}

export const never = (): Promise<Settlement> => new Promise(() => {})
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function until(condition: () => unknown, what: () => string, patience = 15_000): Promise<void> {
  for (const end = performance.now() + patience; !(await condition()); await sleep(10)) if (performance.now() > end) throw new Error(what())
}

export const codes = (results: readonly unknown[]): string[] => [
  ...new Set(results.map((result) => (result === 'sent' ? 'sent' : (result as PabalError).code))),
]

/** Looks into the file as anybody could. */
export function look<T>(file: string, sql: string): T[] {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return db.prepare(sql).all() as T[]
  } finally {
    db.close()
  }
}

/** What was thrown, which must be an error of Pabal's with this code. */
export async function refused(code: string, act: () => unknown): Promise<PabalError> {
  const error = await Promise.resolve()
    .then(act)
    .then(
      () => undefined,
      (thrown: unknown) => thrown as PabalError,
    )
  expect(error, `nothing was thrown, ${code} was expected`).toBeDefined()
  expect(error?.code, error?.message).toBe(code)
  return error as PabalError
}
