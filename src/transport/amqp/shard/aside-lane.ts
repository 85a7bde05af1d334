import type { Entry } from '../../shared/entry.ts'

/** A message without a key is its own. */
export type Key = string | Entry
export const keyOf = (entry: Entry): Key => entry.message.key ?? entry

/** What there is of one key that does not simply flow. */
export class Lane {
  /** Given back, in order. */
  readonly back: Entry[] = []
  /** Parked, in order. */
  readonly lot: Entry[] = []
  /** Messages of the queue that are out. */
  readonly out = new Set<Entry>()
  /** Messages of the queue that are here and unsettled, those that are out among them. */
  readonly open = new Set<Entry>()
  /** The head of the lot is out. */
  busy = false
  /** Something of the lot is being changed: nothing of it goes out. */
  holds = 0
  /** When it is looked at next. */
  planned = Number.POSITIVE_INFINITY
}

/** In the order in which they were sent. */
export function insert(list: Entry[], entry: Entry): void {
  let at = list.length
  while (at > 0 && (list[at - 1] as Entry).position > entry.position) at--
  list.splice(at, 0, entry)
}

export function remove(list: Entry[], entry: Entry): boolean {
  const at = list.indexOf(entry)
  if (at >= 0) list.splice(at, 1)
  return at >= 0
}
