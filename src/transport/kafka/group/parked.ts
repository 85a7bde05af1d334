import type { Message } from '../../../message/message.ts'
import type { ParkNote } from '../../seam.ts'
import { Entry } from '../../shared/entry.ts'
import type { ParkStore } from '../../shared/owned-shard.ts'
import { messageIn, own, ownHeader } from '../protocol/envelope.ts'
import type { Raw } from '../protocol/records.ts'

/** Writes one record, safely. `headers` come after those of the message. */
export type Write = (
  topic: string,
  partition: number,
  key: string,
  message: Message | undefined,
  headers: Readonly<Record<string, string>>,
  value?: Buffer,
) => Promise<void>

/** What stands beside a parked message: its place in the log, its note, and who wrote it. */
interface Beside {
  readonly position: number
  readonly note: ParkNote
  readonly by: string
  /** A person changed what was there: nothing where it is gone. */
  readonly amends?: boolean
}

/** How far the group was when the partition was last given up. */
export const cursorKey = 'cursor'
/** A message of the log that a person took away: `done:<offset>`. */
export const donePrefix = 'done:'

/** A change of a partition's parking lot, as its topic has it. */
export type Change =
  | { readonly what: 'entry'; readonly key: string; readonly by: string; readonly entry: Entry | undefined; readonly amends: boolean }
  | { readonly what: 'done'; readonly offset: number; readonly by: string }
  | { readonly what: 'cursor'; readonly floor: number; readonly done: readonly number[] }
  | undefined

export function changeIn(record: Raw, topic: string, partition: number): Change {
  const key = record.key?.toString('utf8') ?? ''
  if (key === cursorKey) {
    if (record.value === null) return undefined
    try {
      const { floor, done } = JSON.parse(record.value.toString('utf8')) as { floor: number; done: number[] }
      return { what: 'cursor', floor, done }
    } catch {
      return undefined
    }
  }
  const text = ownHeader(record, own.park)
  const beside = text === undefined ? undefined : parsed(text)
  if (key.startsWith(donePrefix)) {
    if (record.value === null) return undefined
    return { what: 'done', offset: Number(key.slice(donePrefix.length)), by: beside?.by ?? '' }
  }
  if (record.value === null) return { what: 'entry', key, by: beside?.by ?? '', entry: undefined, amends: false }
  // Not of Pabal's making: it stays where it is.
  if (beside?.note === undefined || beside.position === undefined) return undefined
  const message = messageIn(record, topic, partition)
  // Parked messages may lie in memory for long, and should not keep all that came with them.
  const kept = { ...message, body: Buffer.from(message.body) }
  return {
    what: 'entry',
    key,
    by: beside.by ?? '',
    entry: new Entry(beside.position, kept, beside.note, key),
    amends: beside.amends === true,
  }
}

function parsed(text: string): Partial<Beside> | undefined {
  try {
    return JSON.parse(text) as Partial<Beside>
  } catch {
    return undefined
  }
}

/** Reasons may be long; a parked message must still fit where the message did. */
const clipped = (note: ParkNote): ParkNote => (note.reason.length > 4000 ? { ...note, reason: `${note.reason.slice(0, 4000)}…` } : note)

export function besideOf(position: number, note: ParkNote, by: string, amends?: boolean): Readonly<Record<string, string>> {
  return { [own.park]: asciiJson({ position, note: clipped(note), by, amends }) }
}

/** A header that other clients can show. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** A partition's parking lot: a compacted topic in which the last record of a key counts. */
export function parkStore(topic: string, partition: number, by: string, loaded: Entry[], write: Write): ParkStore {
  const put = (entry: Entry, note: ParkNote): Promise<void> =>
    write(topic, partition, entry.handle as string, entry.message, besideOf(entry.position, note, by))
  return {
    load: async () => loaded,
    add: async (entry, note) => {
      // Named by its offset: parked again after a crash it is still one entry.
      entry.handle = String(entry.position)
      await put(entry, note)
    },
    amend: put,
    remove: (entry) => write(topic, partition, entry.handle as string, undefined, { [own.park]: JSON.stringify({ by }) }),
  }
}

export interface Loaded {
  readonly entries: Entry[]
  /** Messages of the log that people took away. */
  readonly done: number[]
  readonly cursor: { readonly floor: number; readonly done: readonly number[] } | undefined
  /** Where the topic's partition ended. */
  readonly end: number
}

/** What is parked, from all the records of the partition in their order. */
export function loadedFrom(records: readonly Raw[], end: number, topic: string, partition: number): Loaded {
  const entries = new Map<string, Entry>()
  const done = new Set<number>()
  const removed = new Set<string>()
  let cursor: Loaded['cursor']
  for (const record of records) {
    const key = record.key?.toString('utf8') ?? ''
    const change = changeIn(record, topic, partition)
    if (change === undefined) {
      if (key.startsWith(donePrefix)) done.delete(Number(key.slice(donePrefix.length)))
    } else if (change.what === 'cursor') cursor = change
    else if (change.what === 'done') done.add(change.offset)
    else if (change.entry === undefined) {
      entries.delete(key)
      removed.add(key)
    } else if (!change.amends || !removed.has(key)) {
      entries.set(key, change.entry)
      removed.delete(key)
    }
  }
  return { entries: [...entries.values()], done: [...done], cursor, end }
}
