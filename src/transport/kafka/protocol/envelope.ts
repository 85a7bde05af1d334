import type { Message } from '../../../message/message.ts'
import { Native, type NativeFacts } from '../../shared/native.ts'
import type { Batch } from './batch.ts'
import type { Raw } from './records.ts'

/** Headers of this adapter, beside those of the message. */
export const own = { park: 'pabal-park', due: 'pabal-due' } as const

/** The CloudEvents binding for Kafka, in binary mode. */
const native = new Native({ prefix: 'ce_', contentType: 'content-type', reserved: Object.values(own) })

const put = (batch: Batch, name: string, value: string): void => batch.header(name, value)

export const putMessage = (batch: Batch, message: Message): void => native.write(message, batch, put)

/** The message in a record. One that is no CloudEvent becomes a foreign message, whose id is its place. */
export function messageIn(record: Raw, topic: string, partition: number): Message {
  return native.read(record.headers, record.value ?? nothing, new Facts(record, topic, partition))
}

const nothing = Buffer.alloc(0)

class Facts implements NativeFacts {
  readonly #record: Raw
  readonly #topic: string
  readonly #partition: number

  constructor(record: Raw, topic: string, partition: number) {
    this.#record = record
    this.#topic = topic
    this.#partition = partition
  }

  get key(): Buffer | null {
    return this.#record.key
  }

  get id(): string {
    return `${this.#topic}/${this.#partition}/${this.#record.offset}`
  }

  get source(): string {
    return `kafka:${this.#topic}`
  }

  get time(): number {
    return this.#record.time
  }
}

export const ownHeader = (record: Raw, name: string): string | undefined => {
  for (const [header, value] of record.headers) if (header === name) return typeof value === 'string' ? value : value.toString('utf8')
  return undefined
}
