import { textOf } from './native-text.ts'

/** Headers of one message lie close together. */
const largest = 64 * 1024

/**
 * Texts of byte slices that lie in one piece of memory, as the headers of a record do: one call out of JavaScript for all of
 * them, instead of one for each. What is not plain ASCII is read by itself.
 */
export class Span {
  readonly #memory: ArrayBufferLike
  readonly #start: number
  readonly #text: string

  constructor(memory: ArrayBufferLike, start: number, end: number) {
    this.#memory = memory
    this.#start = start
    this.#text = Buffer.from(memory, start, end - start).toString('latin1')
  }

  /** From the first slice to the last; undefined where they are no bytes or lie apart. */
  static of(first: unknown, last: unknown): Span | undefined {
    if (!(first instanceof Uint8Array) || !(last instanceof Uint8Array) || first.buffer !== last.buffer) return undefined
    const end = last.byteOffset + last.byteLength
    return end < first.byteOffset || end - first.byteOffset > largest ? undefined : new Span(first.buffer, first.byteOffset, end)
  }

  /** The text of a slice; `guess` itself where it is that, which costs less than a new string. */
  read(value: unknown, guess?: string): string {
    if (!(value instanceof Uint8Array)) return textOf(value)
    const from = value.byteOffset - this.#start
    const to = from + value.byteLength
    const text = this.#text
    if (guess !== undefined && guess.length === to - from && text.startsWith(guess, from) && value.buffer === this.#memory) return guess
    if (from < 0 || to > text.length || value.buffer !== this.#memory) return textOf(value)
    for (let i = from; i < to; i++) {
      const unit = text.charCodeAt(i)
      if (unit < 0x20 || unit > 0x7e) return textOf(value)
    }
    return text.substring(from, to)
  }
}
