import { hostname } from 'node:os'
import { FrameWriter, readFrame } from '../../../message/frame.ts'
import type { Message } from '../../../message/message.ts'
import type { ParkNote } from '../../seam.ts'
import { Entry } from '../../shared/entry.ts'
import type { ParkedFacts } from '../shard/parks.ts'
import { unkeyed } from '../topology/names.ts'
import type { GroupMember } from './group.ts'

/** What an admin asks of the owner of a shard, as plain data. */
export type Question =
  | { readonly what: 'census' }
  | { readonly what: 'browse'; readonly shard: string; readonly parked: boolean; readonly limit: number; readonly after?: string }
  | { readonly what: 'amend'; readonly shard: string; readonly position: string; readonly note: ParkNote; readonly message?: string }
  | { readonly what: 'drop'; readonly shard: string; readonly parked: boolean; readonly position: string; readonly to?: Target | undefined }
  | { readonly what: 'parked'; readonly shard: string }

/** Where a message goes that is taken away. */
export interface Target {
  readonly queue: string
  readonly facts: ParkedFacts
  /** Instead of itself. */
  readonly message?: string | undefined
}

export type Put = (queue: string, message: Message, facts: ParkedFacts) => Promise<void>

export interface Census {
  readonly process: string
  /** For people. */
  readonly name: string
  readonly shards: readonly { readonly shard: string; readonly open: number; readonly parked: number; readonly oldest?: number }[]
}

export interface Shown {
  readonly position: string
  readonly message: string
  readonly note?: ParkNote | undefined
}

const writer = new FrameWriter()

export function packed(message: Message): string {
  writer.write(message)
  return writer.take().toString('base64')
}

export const unpacked = (text: string): Message => readFrame(Buffer.from(text, 'base64'), 0)

/** Stays the same while the message stays where it is, also when it changes hands. */
export const positionOf = (shard: string, place: number | undefined, id: string): string =>
  JSON.stringify(place === undefined ? [shard, id] : [shard, id, place])

export const shardIn = (position: string): string => {
  try {
    return String((JSON.parse(position) as unknown[])[0])
  } catch {
    return ''
  }
}

/** `pid 4711 on web-2 #9f3a61`: a process may have several transports, and hosts of the same name. */
const nameOf = (id: string): string => `pid ${process.pid} on ${hostname()} #${id.slice(-6)}`

/** Answers for the shards that this process owns. */
export class Keeper {
  readonly #members: () => Iterable<GroupMember>
  readonly #put: Put

  constructor(members: () => Iterable<GroupMember>, put: Put) {
    this.#members = members
    this.#put = put
  }

  async answer(group: string, question: Question, id: string): Promise<unknown> {
    const members = [...this.#members()].filter((member) => member.called === group)
    if (question.what === 'census')
      return { process: id, name: nameOf(id), shards: members.flatMap((member) => [...census(member)]) } satisfies Census
    if (question.what === 'parked') {
      for (const member of members) member.look(question.shard)
      return true
    }
    // Several members of this process may hold unkeyed messages.
    const listed: Shown[] = []
    for (const member of members) {
      const held = member.held(question.shard)
      if (held === undefined) continue
      if (question.what === 'browse') listed.push(...shown(question.parked ? held.shard.parked() : held.shard.held(), question))
      else if (await this.#change(member, held, question)) return { done: true }
    }
    return question.what === 'browse' ? { shown: listed } : { done: false }
  }

  async #change(member: GroupMember, { shard, parks }: Held, question: Extract<Question, { what: 'amend' | 'drop' }>): Promise<boolean> {
    const list = question.what === 'amend' || question.parked ? shard.parked() : shard.held()
    const entry = list.find((one) => positionIn(question.shard, one) === question.position)
    if (entry === undefined) return false
    if (question.what === 'amend') {
      const message = question.message === undefined ? entry.message : unpacked(question.message)
      return shard.change(entry, async () => {
        const changed = new Entry(entry.position, message, question.note, entry.handle)
        return (await parks.amend(changed, question.note)) ? changed : undefined
      })
    }
    const put = async (): Promise<void> => {
      const { to } = question
      if (to !== undefined) await this.#put(to.queue, to.message === undefined ? entry.message : unpacked(to.message), to.facts)
    }
    if (entry.note !== undefined)
      return shard.change(entry, async () => {
        await put()
        await parks.remove(entry)
        return undefined
      })
    if (!shard.take(entry)) return false
    await put()
    member.settle(question.shard, entry)
    return true
  }
}

type Held = NonNullable<ReturnType<GroupMember['held']>>

function positionIn(shard: string, { position, note, message }: Entry): string {
  return positionOf(shard, note === undefined ? undefined : position, message.id)
}

function shown(entries: readonly Entry[], { shard, limit, after }: Extract<Question, { what: 'browse' }>): Shown[] {
  const from = after === undefined ? 0 : entries.findIndex((entry) => positionIn(shard, entry) === after) + 1
  return entries
    .slice(from, from + limit)
    .map((entry) => ({ position: positionIn(shard, entry), message: packed(entry.message), note: entry.note }))
}

function* census(member: GroupMember): Generator<Census['shards'][number]> {
  for (const shard of [unkeyed, ...member.seats.map(({ n }) => String(n))]) {
    const held = member.held(shard)?.shard
    if (held === undefined) continue
    const [first] = held.held()
    yield { shard, open: held.open, parked: held.parked().length, ...(first === undefined ? {} : { oldest: first.message.time }) }
  }
}
