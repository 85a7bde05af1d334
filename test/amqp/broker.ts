import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { rabbitmq } from '../../scripts/services/rabbitmq.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { type AmqpChannel, type AmqpConnection, type AmqpDriver, amqp } from '../../src/transport/amqp/index.ts'
import type { Transport } from '../../src/transport/seam.ts'

export const url = process.env.PABAL_AMQP_URL ?? rabbitmq.url(5672)

/** A prefix that nobody else has. */
export const freshPrefix = (what: string): string => `${what}${systemRuntime.id().replaceAll('-', '').slice(4, 20)}`

/** The driver, which notes in a file what is declared: several processes may share it. */
export function noting(file: string): AmqpDriver {
  const seen = new Set<string>()
  const note = (what: string): void => {
    if (seen.has(what)) return
    seen.add(what)
    appendFileSync(file, `${what}\n`)
  }
  const watch = <T extends Pick<AmqpChannel, 'assertQueue' | 'assertExchange'>>(channel: T): T => {
    const assertQueue = channel.assertQueue.bind(channel)
    const assertExchange = channel.assertExchange.bind(channel)
    channel.assertQueue = (queue, options) => {
      // The others vanish by themselves.
      if ((options as { durable?: boolean } | undefined)?.durable !== false) note(`queue ${queue}`)
      return assertQueue(queue, options)
    }
    channel.assertExchange = (exchange, type, options) => {
      note(`exchange ${exchange}`)
      return assertExchange(exchange, type, options)
    }
    return channel
  }
  return {
    connect: async (address, socket) => {
      const connection = (await connect(address, socket)) as unknown as AmqpConnection
      const createChannel = connection.createChannel.bind(connection)
      connection.createChannel = async () => watch(await createChannel())
      const createConfirmChannel = connection.createConfirmChannel.bind(connection)
      connection.createConfirmChannel = async () => watch(await createConfirmChannel())
      return connection
    },
  }
}

/** An environment of its own on a shared broker, and the end of everything in it. */
export class Environment {
  readonly prefix: string
  readonly file = join(mkdtempSync(join(tmpdir(), 'pabal-amqp-')), 'declared')
  readonly driver: AmqpDriver
  readonly #opened: Transport[] = []

  constructor(what: string) {
    this.prefix = freshPrefix(what)
    appendFileSync(this.file, '')
    this.driver = noting(this.file)
  }

  /** An opened member, which is closed by `sweep`. */
  async member(shards: number): Promise<Transport> {
    const transport = amqp({ url, prefix: this.prefix, shards, driver: this.driver })
    this.#opened.push(transport)
    await transport.open(() => {})
    return transport
  }

  async sweep(address = url): Promise<void> {
    await Promise.all(this.#opened.map((transport) => transport.close()))
    const names = [...new Set(readFileSync(this.file, 'utf8').trim().split('\n'))].filter((line) => line !== '')
    // A server of this age may end a connection over a queue that goes while it is being deleted: it is gone then.
    for (let faults = 0; names.length > 0 && faults < 50; faults++) await take(address, names).catch(() => undefined)
    rmSync(join(this.file, '..'), { recursive: true, force: true })
  }
}

async function take(address: string, names: string[]): Promise<void> {
  const connection = await connect(address)
  connection.on('error', () => undefined)
  const channel = await connection.createChannel()
  channel.on('error', () => undefined)
  for (let line = names.shift(); line !== undefined; line = names.shift()) {
    const [kind = '', name = ''] = line.split(' ')
    if (kind === 'queue') await channel.deleteQueue(name)
    else await channel.deleteExchange(name)
  }
  await connection.close()
}
