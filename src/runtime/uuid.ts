import { randomFillSync } from 'node:crypto'

const hex = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/** Formats 16 bytes as a UUID of `version`, setting version and variant. */
export function formatUuid(b: Uint8Array, at: number, version: number): string {
  const h = (i: number): string => hex[b[at + i] as number] as string
  const v = hex[((b[at + 6] as number) & 0x0f) | (version << 4)] as string
  const variant = hex[((b[at + 8] as number) & 0x3f) | 0x80] as string
  return `${h(0)}${h(1)}${h(2)}${h(3)}-${h(4)}${h(5)}-${v}${h(7)}-${variant}${h(9)}-${h(10)}${h(11)}${h(12)}${h(13)}${h(14)}${h(15)}`
}

const digits = Buffer.from('0123456789abcdef')

/**
 * UUIDv7 (RFC 9562): 48 bits of milliseconds, a counter that keeps ids of one process increasing, random bits. Written as
 * bytes and read once, since a string that is joined from pieces is copied again by whoever looks it up.
 */
export class UuidV7 {
  readonly #random: (into: Uint8Array) => void
  readonly #now: () => number
  readonly #pool = new Uint8Array(10 * 1024)
  readonly #text = Buffer.from('00000000-0000-7000-8000-000000000000')
  #at = this.#pool.length
  #last = 0
  #written = -1
  #counter = 0

  constructor(now: () => number, random: (into: Uint8Array) => void = randomFillSync) {
    this.#now = now
    this.#random = random
  }

  next(now: number = this.#now()): string {
    if (this.#at === this.#pool.length) {
      this.#random(this.#pool)
      this.#at = 0
    }
    const b = this.#pool
    const i = this.#at
    const text = this.#text
    this.#at += 10
    if (now > this.#last) {
      this.#last = now
      this.#counter = (((b[i] as number) & 0x07) << 8) | (b[i + 1] as number)
    } else if (++this.#counter > 0xfff) {
      this.#last++
      this.#counter = 0
    }
    if (this.#last !== this.#written) this.#writeTime(this.#last)
    const counter = this.#counter
    text[15] = digits[counter >> 8] as number
    text[16] = digits[(counter >> 4) & 0x0f] as number
    text[17] = digits[counter & 0x0f] as number
    let to = 19
    for (let n = 2; n < 10; n++) {
      // The first of these bytes holds the variant.
      const byte = n === 2 ? ((b[i + n] as number) & 0x3f) | 0x80 : (b[i + n] as number)
      if (to === 23) to = 24
      text[to++] = digits[byte >> 4] as number
      text[to++] = digits[byte & 0x0f] as number
    }
    return text.toString('latin1')
  }

  #writeTime(time: number): void {
    const text = this.#text
    let high = Math.floor(time / 0x100_0000)
    let low = time % 0x100_0000
    for (let to = 5; to >= 0; to--, high >>= 4) text[to] = digits[high & 0x0f] as number
    for (let to = 12; to >= 6; to--) {
      if (to === 8) continue
      text[to] = digits[low & 0x0f] as number
      low >>= 4
    }
    this.#written = time
  }
}
