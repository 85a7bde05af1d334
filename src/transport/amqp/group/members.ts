import type { Runtime } from '../../../runtime/runtime.ts'
import type { AmqpChannel, AmqpConnection, AmqpMessage } from '../driver.ts'
import type { LinkUser } from '../link/link.ts'
import type { Published, Publisher } from '../send/publisher.ts'
import type { Names } from '../topology/names.ts'
import { bufferOf } from '../wire/wire.ts'

/** What members say to each other. `to` is where it was said: a group, or one process. */
export interface Said {
  readonly what: string
  readonly group: string
  readonly from: string
  readonly [name: string]: unknown
}

export type Hears = (said: Said) => void

/** How long a question to another process may take, in milliseconds. */
const answerWithin = 5000
/** How long nobody may answer before all have, in milliseconds. */
const quiet = 80

/**
 * How processes talk: each has a queue of its own that vanishes with its connection, and hears what is said to the groups that it is a
 * member of. Whether a process lives is asked of the broker: its queue is there or not.
 */
export class Members implements LinkUser {
  /** Another one for each connection: the broker may hold the old queue for a while. */
  id: string
  readonly #names: Names
  readonly #runtime: Runtime
  readonly #publisher: Publisher
  readonly #groups = new Map<string, Set<Hears>>()
  readonly #asked = new Map<string, (answer: unknown) => void>()
  /** Answers what other processes ask: for `Admin`. */
  answer: (group: string, question: unknown) => Promise<unknown> = async () => undefined
  #channel: AmqpChannel | undefined
  #count = 0

  constructor(names: Names, runtime: Runtime, publisher: Publisher) {
    this.id = runtime.id()
    this.#names = names
    this.#runtime = runtime
    this.#publisher = publisher
  }

  #queue(id: string): string {
    return this.#names.system(`member.${id}`)
  }

  async up(connection: AmqpConnection): Promise<void> {
    this.id = this.#runtime.id()
    const channel = await connection.createChannel()
    channel.on('error', () => undefined)
    await channel.assertQueue(this.#queue(this.id), { exclusive: true, durable: false, autoDelete: true })
    await Promise.all([...this.#groups.keys()].map((group) => this.#bind(channel, group)))
    await channel.consume(this.#queue(this.id), (message) => message && this.#take(message), { noAck: true })
    this.#channel = channel
  }

  down(): void {
    this.#channel = undefined
  }

  #bind(channel: AmqpChannel, group: string): Promise<unknown> {
    return channel.bindQueue(this.#queue(this.id), this.#names.system('members'), group)
  }

  async join(group: string, hears: Hears): Promise<void> {
    const there = this.#groups.get(group)
    if (there) {
      there.add(hears)
      // Somebody else of this process may still be binding it.
      if (this.#channel) await this.#bind(this.#channel, group)
      return
    }
    this.#groups.set(group, new Set([hears]))
    if (this.#channel) await this.#bind(this.#channel, group)
  }

  leave(group: string, hears: Hears): void {
    const there = this.#groups.get(group)
    if (!there?.delete(hears) || there.size > 0) return
    this.#groups.delete(group)
    this.#channel?.unbindQueue(this.#queue(this.id), this.#names.system('members'), group).catch(() => undefined)
  }

  /** To all members of the group. */
  say(said: Said): Promise<Published> {
    return this.#publish(this.#names.system('members'), said.group, said)
  }

  /** To one process, or a member of it. `unrouted`: it is gone. */
  tell(member: string, said: object): Promise<Published> {
    return this.#publish('', this.#queue(processOf(member)), said)
  }

  /** The answer of the process of a member; undefined where it is gone or silent. */
  ask(member: string, group: string, question: unknown): Promise<unknown> {
    const number = `${this.id}:${++this.#count}`
    return new Promise((resolve) => {
      const timer = this.#runtime.timer(answerWithin, () => done(undefined))
      const done = (answer: unknown): void => {
        timer.cancel()
        this.#asked.delete(number)
        resolve(answer)
      }
      this.#asked.set(number, done)
      const asking = { what: 'ask', group, from: this.id, number, question }
      void this.tell(member, asking).then((result) => (result === 'sent' ? undefined : done(undefined)))
    })
  }

  /** The answers of all processes that are members of the group. */
  async askAll(group: string, question: unknown): Promise<unknown[]> {
    const number = `${this.id}:${++this.#count}`
    const answers: unknown[] = []
    this.#asked.set(number, (answer) => answers.push(answer))
    const asking = { what: 'ask', group, from: this.id, number, question }
    if ((await this.#publish(this.#names.system('members'), group, asking)) === 'sent')
      for (let seen = -1; seen < answers.length; ) {
        seen = answers.length
        await new Promise<void>((resolve) => void this.#runtime.timer(quiet, resolve))
      }
    this.#asked.delete(number)
    return answers
  }

  #publish(exchange: string, routingKey: string, said: object): Promise<Published> {
    return new Promise((done) =>
      this.#publisher.publish({
        exchange,
        routingKey,
        content: Buffer.from(JSON.stringify(said)),
        properties: { mandatory: true, contentType: 'application/json', messageId: `${this.id}:${++this.#count}` },
        id: '',
        deadline: this.#runtime.monotonic() + answerWithin,
        again: false,
        done,
      }),
    )
  }

  #take({ content }: AmqpMessage): void {
    let said: Said
    try {
      said = JSON.parse(bufferOf(content).toString('utf8')) as Said
    } catch {
      // Not from one of us.
      return
    }
    if (said.what === 'answer') this.#asked.get(String(said.number))?.(said.answer)
    else if (said.what === 'ask') {
      void this.answer(said.group, said.question)
        .catch(() => undefined)
        .then((answer) => this.tell(said.from, { what: 'answer', group: said.group, from: this.id, number: said.number, answer }))
    } else for (const hears of [...(this.#groups.get(said.group) ?? [])]) hears(said)
  }
}

/** Members of one process differ by what stands behind the stroke. */
export const processOf = (member: string): string => member.split('/')[0] as string
