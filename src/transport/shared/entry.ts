import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import type { ParkNote } from '../seam.ts'

/** One message of a shard: in the log at `position`, or parked with the place that it had there. */
export class Entry {
  readonly position: number
  readonly message: Message
  readonly size: number
  /** Present while it is parked, with the technology's own handle. */
  note: ParkNote | undefined
  handle: unknown
  /** Given back: not before this time. */
  due = 0
  /** How often it was handed out and lost with its process. */
  lost = 0

  constructor(position: number, message: Message, note?: ParkNote, handle?: unknown) {
    this.position = position
    this.message = message
    this.size = sizeOf(message)
    this.note = note
    this.handle = handle
  }

  /** When it may be handed out, milliseconds since 1970; a parked message may wait for a person. */
  get ready(): number {
    if (this.note === undefined || this.note.order !== undefined) return this.due
    return this.note.due === undefined ? Number.POSITIVE_INFINITY : Math.max(this.due, this.note.due)
  }
}

/** Messages of one key (an unkeyed one is its own) that do not simply flow: given back, or parked. */
export class Lane {
  readonly entries: Entry[] = []
  /** Its head is handed out. */
  busy = false

  get head(): Entry | undefined {
    return this.entries[0]
  }

  /** In the order in which they were sent. */
  insert(entry: Entry): void {
    let at = this.entries.length
    while (at > 0 && (this.entries[at - 1] as Entry).position > entry.position) at--
    this.entries.splice(at, 0, entry)
  }
}

export class Lanes extends Map<string | Entry, Lane> {
  of(entry: Entry): Lane | undefined {
    return this.get(entry.message.key ?? entry)
  }

  insert(entry: Entry): void {
    let lane = this.of(entry)
    if (lane === undefined) this.set(entry.message.key ?? entry, (lane = new Lane()))
    lane.insert(entry)
  }

  remove(entry: Entry): void {
    const lane = this.of(entry)
    const at = lane?.entries.indexOf(entry) ?? -1
    if (lane === undefined || at < 0) return
    lane.entries.splice(at, 1)
    if (lane.entries.length === 0) this.delete(entry.message.key ?? entry)
  }
}
