import {
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import { connect, type NatsConnection, nanos } from '@nats-io/transport-node'
import type { Channel } from '../../src/channel/channel.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Entry } from '../../src/transport/shared/entry.ts'
import { iterated, type Log } from '../../src/transport/shared/log.ts'
import type { ParkStore } from '../../src/transport/shared/owned-shard.ts'
import { packParked, unpack, unpackParked } from './wire.ts'

export const leaseTtl = 6000
/** Names with dots and wildcards may not meet the server's. */
export const token = (text: string): string => Buffer.from(text).toString('hex')

/** One connection, and the streams that every member shares: leases, cursors and parked messages. */
export class Server {
  readonly prefix: string
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager

  private constructor(prefix: string, nc: NatsConnection, jsm: JetStreamManager) {
    this.prefix = prefix
    this.nc = nc
    this.js = jetstream(nc)
    this.jsm = jsm
  }

  static async open(address: string, prefix: string): Promise<Server> {
    const nc = await connect({ servers: address, pingInterval: 2000, maxPingOut: 2, noAsyncTraces: true })
    const server = new Server(prefix, nc, await jetstreamManager(nc))
    await server.stream('lease', 'l', { storage: StorageType.Memory, max_age: nanos(leaseTtl), max_msgs_per_subject: 1 })
    await server.stream('cursor', 'c', { max_msgs_per_subject: 1 })
    await server.stream('park', 'p', {})
    return server
  }

  async stream(name: string, subject: string, more: object): Promise<void> {
    const config = {
      name: this.name(name),
      subjects: [`${this.prefix}.${subject}.>`],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
    }
    for (let tries = 1; ; tries++) {
      const error = await this.jsm.streams.add({ ...config, ...more }).then(
        () => undefined,
        (refused: Error) => refused,
      )
      if (error === undefined || /already in use/.test(error.message)) return
      // What the server says of a stream that another member makes at this moment.
      if (!/subjects overlap/.test(error.message) || tries === 20) throw error
      await new Promise<void>((resolve) => void systemRuntime.timer(25, resolve))
    }
  }

  name = (name: string): string => `${this.prefix}_${name}`
  logOf = (channel: Channel): string => `d_${token(channel.address)}`
  subject = (...names: (string | number)[]): string => [this.prefix, ...names].join('.')

  last(stream: string, subject: string): Promise<{ seq: number; data: Uint8Array } | undefined> {
    return this.jsm.streams.getMessage(this.name(stream), { last_by_subj: subject }).then(
      (found) => found ?? undefined,
      (error: Error) => {
        if (/no message found/i.test(error.message)) return undefined
        throw error
      },
    )
  }

  async forget(stream: string, seq: number): Promise<void> {
    await this.jsm.streams.deleteMessage(this.name(stream), seq, false).catch(() => undefined)
  }

  log(stream: string, subject: string): Log {
    let open = true
    let close = async (): Promise<void> => undefined
    const { js } = this
    const name = this.name(stream)
    return iterated(
      async function* (from) {
        const consumer = await js.consumers.get(name, {
          filter_subjects: subject,
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: from,
          inactive_threshold: 30_000,
        })
        const messages = await consumer.consume({ max_messages: 100 })
        close = async () => {
          // Not awaited: it resolves only where somebody reads.
          void messages.close()
          await consumer.delete()
        }
        if (!open) await close()
        else for await (const raw of messages) yield { position: raw.seq, message: unpack(raw.data) }
      },
      async () => {
        open = false
        await close()
      },
    )
  }

  parks(subject: string): ParkStore {
    const publish = async (bytes: Uint8Array): Promise<number> => (await this.js.publish(subject, bytes)).seq
    return {
      load: async () => {
        // An owner may die between writing a changed note and taking the old one away: the later one counts.
        const entries = new Map<number, Entry>()
        for (let from = 1; ; ) {
          const raw = await this.jsm.streams
            .getMessage(this.name('park'), { seq: from, next_by_subj: subject } as never)
            .catch((error: Error) => {
              if (!/no message found/i.test(error.message)) throw error
            })
          if (!raw) return [...entries.values()]
          from = raw.seq + 1
          const entry = unpackParked(raw.data, raw.seq)
          const before = entries.get(entry.position)
          if (before) await this.forget('park', before.handle as number)
          entries.set(entry.position, entry)
        }
      },
      add: async (entry, note) => {
        entry.handle = await publish(packParked(entry, note))
      },
      amend: async (entry, note) => {
        const old = entry.handle as number
        entry.handle = await publish(packParked(entry, note))
        await this.forget('park', old)
      },
      remove: async (entry) => this.forget('park', entry.handle as number),
    }
  }
}
