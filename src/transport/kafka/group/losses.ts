import { systemRuntime } from '../../../runtime/system.ts'
import type { Entry } from '../../shared/entry.ts'
import type { LossBook } from '../../shared/owned-shard.ts'
import { readRanges, writeRanges } from './ranges.ts'

/** What is out for longer is written down; what is faster costs nothing. */
const tick = 5
/** So many of the messages that wait when a partition is taken over are written down before they are handed out. */
const carefulFor = 256
const mostText = 1500

/** Of all suspects of a member one is out at a time. */
export class Suspects {
  #holder: Entry | undefined
  readonly #waiting = new Set<() => void>()

  take(entry: Entry, wake: () => void): boolean {
    if (this.#holder === undefined || this.#holder === entry) {
      this.#holder = entry
      return true
    }
    this.#waiting.add(wake)
    return false
  }

  back(entry: Entry): void {
    if (this.#holder !== entry) return
    this.#holder = undefined
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}

/** What an owner left behind: `open` where it did not say that it was done. */
export interface Left {
  readonly open: boolean
  readonly out: readonly number[]
  readonly lost: ReadonlyMap<number, number>
}

/**
 * What is handed out of a partition, as it stands beside the committed offset: `open`, what is out, how often each was lost before. The
 * next owner counts what was out when this one died. Written before the first messages of a backlog are handed out, since one of them may be
 * why it waits; otherwise a few milliseconds late, so that it costs nothing: there what kills at once is counted from its second death on.
 */
export class Losses implements LossBook {
  readonly #suspects: Suspects
  readonly #lost = new Map<number, number>()
  /** Out, with the tick at which it was handed out. */
  readonly #out = new Map<number, number>()
  /** Out, or about to be, and to be written down. */
  readonly #noted = new Set<number>()
  /** Written down before it is handed out. */
  readonly #sure = new Set<number>()
  #wakes: [position: number, then: () => void][] = []
  #careful: number
  /** Has, or had, the place of the one suspect that may be out. */
  #suspect: Entry | undefined
  #tick = 0
  #timer: { cancel(): void } | undefined
  #closed = false
  /** Makes the position be written anew. */
  touch = (): void => undefined

  /** `behind`: messages wait, and the one that killed the owner before may be the first of them. */
  constructor(left: Left, behind: boolean, suspects: Suspects) {
    this.#suspects = suspects
    for (const [position, count] of left.lost) this.#lost.set(position, count)
    for (const position of left.out) this.#lost.set(position, (this.#lost.get(position) ?? 0) + 1)
    this.#careful = left.open || behind ? carefulFor : 0
  }

  of(position: number): number {
    return this.#lost.get(position) ?? 0
  }

  ready(entry: Entry, wake: () => void): boolean {
    const { position, note } = entry
    if (note !== undefined) return true
    if (!this.#suspects.take(entry, wake)) return false
    this.#suspect = entry
    if (this.#sure.has(position)) return true
    if (!this.#noted.has(position)) this.note(entry, wake)
    return false
  }

  careful(): boolean {
    return this.#careful > 0
  }

  note({ position }: Entry, then: () => void): void {
    if (this.#careful > 0) this.#careful--
    this.#noted.add(position)
    this.#wakes.push([position, then])
    this.touch()
  }

  handedOut({ position, note }: Entry): void {
    if (note !== undefined) return
    this.#out.set(position, this.#tick)
    this.#timer ??= systemRuntime.timer(tick, this.#look, true)
  }

  back(entry: Entry, settled: boolean): void {
    const { position } = entry
    this.#out.delete(position)
    if (this.#noted.size > 0 && this.#noted.delete(position)) this.#sure.delete(position)
    if (entry.lost === 0) return
    this.#suspects.back(entry)
    if (this.#suspect === entry) this.#suspect = undefined
    if (settled) this.#lost.delete(position)
  }

  readonly #look = (): void => {
    this.#timer = undefined
    const now = this.#tick++
    let fresh = false
    for (const [position, since] of this.#out) {
      if (since >= now || this.#noted.has(position)) continue
      this.#noted.add(position)
      fresh = true
    }
    if (fresh) this.touch()
    if (this.#out.size > 0 && !this.#closed) this.#timer = systemRuntime.timer(tick, this.#look, true)
  }

  /** What stands beside the offset, and what to call when it is written. */
  write(floor: number): { readonly text: string; written(): void } {
    const wakes = this.#wakes
    this.#wakes = []
    const out = this.#noted.size === 0 ? '' : writeRanges('', floor, [...this.#noted], mostText / 2).text
    return {
      text: `${this.#closed ? '' : `open${out}`}${this.#lostText(floor)}`,
      written: () => {
        for (const [position, then] of wakes) {
          this.#sure.add(position)
          then()
        }
      },
    }
  }

  #lostText(floor: number): string {
    if (this.#lost.size === 0) return ''
    const byCount = new Map<number, number[]>()
    for (const [position, count] of this.#lost) if (position >= floor) byCount.set(count, [...(byCount.get(count) ?? []), position])
    let text = ''
    for (const [count, positions] of byCount) text += writeRanges(`|lost${count}`, floor, positions, mostText / 2 / byCount.size).text
    return text
  }

  /** Nothing is out any more, and nothing will be: the next owner need not count. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    // One that waits to be handed out would keep all others of this member waiting.
    if (this.#suspect !== undefined) this.#suspects.back(this.#suspect)
    this.#suspect = undefined
  }
}

export function readLeft(floor: number, text: string): Left {
  const lost = new Map<number, number>()
  let open = false
  let out: number[] = []
  for (const part of text.split('|')) {
    if (part === 'open' || part.startsWith('open ')) {
      open = true
      out = readRanges(floor, part.slice(4))
    }
    const count = /^lost(\d{1,6}) /.exec(part)
    if (count !== null) for (const position of readRanges(floor, part.slice(count[0].length - 1))) lost.set(position, Number(count[1]))
  }
  return { open, out, lost }
}
