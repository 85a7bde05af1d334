import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { until } from '../../src/testing/waiting.ts'
import type { AmqpChannel, AmqpConnection, AmqpDriver } from '../../src/transport/amqp/driver.ts'
import { Link, type LinkUser } from '../../src/transport/amqp/link/link.ts'
import { Ops } from '../../src/transport/amqp/link/ops.ts'
import { settingsOf } from '../../src/transport/amqp/options.ts'

/*
 * A driver whose connections break when told, at any step: what dies in the middle of something is rare on a real broker. It behaves
 * as amqplib does: channels end before their connection, and what waits for an answer then is rejected, but for the end of a channel.
 */

class FakeChannel extends EventEmitter {
  over = false
  readonly #open = new Set<(error: Error) => void>()

  /** A question that is never answered. */
  ask(): Promise<never> {
    if (this.over) return Promise.reject(new Error('Channel closed'))
    return new Promise((_, reject) => this.#open.add(reject))
  }

  prefetch = async (): Promise<void> => undefined
  close = (): Promise<void> => new Promise(() => undefined)

  end(): void {
    this.over = true
    for (const reject of this.#open) reject(new Error('Channel ended, no reply will be forthcoming'))
    this.emit('close')
  }
}

class FakeConnection extends EventEmitter {
  readonly channels: FakeChannel[] = []
  over = false
  /** Breaks when this many channels were asked for. */
  breaksAt = Number.POSITIVE_INFINITY

  createChannel = async (): Promise<FakeChannel> => {
    if (this.over) throw new Error('Connection closed')
    const channel = new FakeChannel()
    this.channels.push(channel)
    if (this.channels.length >= this.breaksAt) {
      const opened = channel.ask()
      queueMicrotask(() => this.break())
      return opened
    }
    return channel
  }
  createConfirmChannel = this.createChannel

  close = async (): Promise<void> => this.break()

  break(): void {
    if (this.over) return
    this.over = true
    for (const channel of this.channels) channel.end()
    this.emit('close', new Error('Unexpected close'))
  }
}

const settings = settingsOf({ url: 'amqp://127.0.0.1:1' })

function broker(): { readonly link: Link; readonly connections: FakeConnection[]; next(connection: FakeConnection): void } {
  const connections: FakeConnection[] = []
  const planned: FakeConnection[] = []
  const driver: AmqpDriver = {
    connect: async () => {
      const connection = planned.shift() ?? new FakeConnection()
      connections.push(connection)
      return connection as unknown as AmqpConnection
    },
  }
  const link = new Link(driver, settings, systemRuntime, 'test', () => undefined)
  return { link, connections, next: (connection) => planned.push(connection) }
}

const wait = (condition: () => boolean, what: string) => until(systemRuntime, 5000, condition, () => what)
const pause = (ms: number) => new Promise<void>((resolve) => void systemRuntime.timer(ms, resolve))

class User implements LinkUser {
  readonly told: AmqpConnection[] = []
  downs = 0
  readonly #fails: (tries: number) => boolean

  constructor(fails: (tries: number) => boolean = () => false) {
    this.#fails = fails
  }

  async up(connection: AmqpConnection): Promise<void> {
    this.told.push(connection)
    if (this.#fails(this.told.length)) throw new Error('it cannot begin')
  }

  down(): void {
    this.downs++
  }
}

test('a connection that breaks while it is being opened is made again once, not twice', async () => {
  const { link, connections, next } = broker()
  const user = new User()
  await link.open()
  await link.join(user)
  const half = new FakeConnection()
  half.breaksAt = 1
  next(half)
  connections[0]?.break()
  await wait(() => link.connection !== undefined && link.connection !== (connections[0] as unknown), 'there is a connection again')
  // A second attempt would be under way by now.
  await pause(1000)
  expect(connections).toHaveLength(3)
  expect(link.connection).toBe(connections[2])
  expect(user.told.at(-1)).toBe(connections[2])
  expect(connections.filter(({ over }) => !over)).toHaveLength(1)
  await link.close()
})

test('a user that cannot begin keeps no other from its connection, and tries again by itself', async () => {
  const { link, connections } = broker()
  const [first, failing, last] = [new User(), new User((tries) => tries > 1 && tries < 4), new User()]
  await link.open()
  for (const user of [first, failing, last]) await link.join(user)
  connections[0]?.break()
  await wait(() => last.told.length === 2, 'the last one is told')
  await wait(() => failing.told.length === 4, 'the failing one is told until it can')
  expect(connections).toHaveLength(2)
  await link.close()
})

test('who cannot begin on a connection that holds is told so, and is no user any more; one whose connection broke meanwhile is', async () => {
  const { link, connections } = broker()
  await link.open()
  await link.join(new User())
  const refused = new User(() => true)
  await expect(link.join(refused)).rejects.toThrow('it cannot begin')
  const cut = new User((tries) => {
    if (tries === 1) connections[0]?.break()
    return tries === 1
  })
  await link.join(cut)
  await wait(() => cut.told.length === 2, 'told of the next connection')
  expect(refused.told).toHaveLength(1)
  await link.close()
})

test('channels whose end is never answered, since the connection broke under it, keep no place among the operations', async () => {
  const { link, connections } = broker()
  const ops = new Ops(link, systemRuntime, 5000)
  await link.open()
  // More than there are places: each fails, and its channel is being closed when the connection breaks.
  const failing = Array.from({ length: 8 }, () => ops.run(() => Promise.reject(new Error('refused'))))
  const ends = Promise.allSettled(failing)
  await pause(20)
  connections[0]?.break()
  await wait(() => connections.length === 2 && link.connection !== undefined, 'there is a connection again')
  // Those that had no place yet: their channels belong to the next connection.
  await pause(200)
  connections[1]?.break()
  await wait(() => connections.length === 3 && link.connection !== undefined, 'there is a connection again')
  let channel: AmqpChannel | undefined
  await Promise.race([
    ops.run(async (open) => {
      channel = open
    }),
    pause(1000),
  ])
  expect(channel).toBe(connections[2]?.channels.at(-1))
  expect((await ends).map(({ status }) => status)).toEqual(Array(8).fill('rejected'))
  await link.close()
})

test('a broker that is away is no refusal, whatever numbers its port holds', async () => {
  for (const port of [25301, 14030]) {
    const driver = { connect: () => Promise.reject(new Error(`connect ECONNREFUSED 127.0.0.1:${port}`)) }
    const link = new Link(driver, settings, systemRuntime, 'test', () => undefined)
    await expect(link.open()).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE', retryable: true })
  }
})
