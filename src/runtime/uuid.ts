import { randomFillSync } from 'node:crypto'

const hex = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/** Formats 16 bytes as a UUID of `version`, setting version and variant. */
export function formatUuid(b: Uint8Array, at: number, version: number): string {
  const h = (i: number): string => hex[b[at + i] as number] as string
  const v = hex[((b[at + 6] as number) & 0x0f) | (version << 4)] as string
  const variant = hex[((b[at + 8] as number) & 0x3f) | 0x80] as string
  return `${h(0)}${h(1)}${h(2)}${h(3)}-${h(4)}${h(5)}-${v}${h(7)}-${variant}${h(9)}-${h(10)}${h(11)}${h(12)}${h(13)}${h(14)}${h(15)}`
}

/** UUIDv7 (RFC 9562): 48 bits of milliseconds, a counter that keeps ids of one process increasing, random bits. */
export class UuidV7 {
  readonly #random: (into: Uint8Array) => void
  readonly #now: () => number
  readonly #pool = new Uint8Array(16 * 256)
  #at = this.#pool.length
  #last = 0
  #counter = 0

  constructor(now: () => number, random: (into: Uint8Array) => void = randomFillSync) {
    this.#now = now
    this.#random = random
  }

  next(): string {
    if (this.#at === this.#pool.length) {
      this.#random(this.#pool)
      this.#at = 0
    }
    const b = this.#pool
    const i = this.#at
    this.#at += 16
    const now = this.#now()
    if (now > this.#last) {
      this.#last = now
      this.#counter = (((b[i + 6] as number) & 0x07) << 8) | (b[i + 7] as number)
    } else if (++this.#counter > 0xfff) {
      this.#last++
      this.#counter = 0
    }
    const t = this.#last
    const high = Math.floor(t / 0x10000)
    b[i] = high >>> 24
    b[i + 1] = high >>> 16
    b[i + 2] = high >>> 8
    b[i + 3] = high
    b[i + 4] = t >>> 8
    b[i + 5] = t
    b[i + 6] = this.#counter >>> 8
    b[i + 7] = this.#counter
    return formatUuid(b, i, 7)
  }
}
