const empty = Buffer.alloc(0)

/** Writes the primitive types of Kafka's protocol into memory that grows. */
export class ByteWriter {
  buffer: Buffer
  length = 0

  constructor(size = 512) {
    this.buffer = Buffer.allocUnsafe(size)
  }

  reserve(more: number): void {
    const need = this.length + more
    if (need <= this.buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
  }

  i8(value: number): this {
    this.reserve(1)
    this.buffer[this.length++] = value & 0xff
    return this
  }

  bool(value: boolean): this {
    return this.i8(value ? 1 : 0)
  }

  i16(value: number): this {
    this.reserve(2)
    this.length = this.buffer.writeInt16BE(value, this.length)
    return this
  }

  i32(value: number): this {
    this.reserve(4)
    this.length = this.buffer.writeInt32BE(value | 0, this.length)
    return this
  }

  /** A whole number that a double holds exactly, as all offsets, times and ids of producers are. */
  i64(value: number): this {
    this.reserve(8)
    this.buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000) | 0, this.length)
    this.buffer.writeUInt32BE(value >>> 0, this.length + 4)
    this.length += 8
    return this
  }

  text(value: string | null): this {
    if (value === null) return this.i16(-1)
    const bytes = Buffer.byteLength(value)
    this.reserve(2 + bytes)
    this.buffer.writeInt16BE(bytes, this.length)
    this.length += 2 + this.buffer.write(value, this.length + 2, 'utf8')
    return this
  }

  bytes(value: Uint8Array): this {
    return this.i32(value.length).raw(value)
  }

  raw(value: Uint8Array): this {
    this.reserve(value.length)
    this.buffer.set(value, this.length)
    this.length += value.length
    return this
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.i32(items.length)
    for (const item of items) write(item)
    return this
  }

  /** Zigzag, as in records. */
  varint(value: number): this {
    this.reserve(10)
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      let rest = ((value << 1) ^ (value >> 31)) >>> 0
      while (rest > 0x7f) {
        this.buffer[this.length++] = (rest & 0x7f) | 0x80
        rest >>>= 7
      }
      this.buffer[this.length++] = rest
      return this
    }
    let rest = value < 0 ? -value * 2 - 1 : value * 2
    while (rest > 0x7f) {
      this.buffer[this.length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.length++] = rest
    return this
  }

  /** Text with its length before it, as in records. Short ASCII, as nearly all of it is, costs least as a loop. */
  varText(value: string): this {
    const { length } = value
    if (length < 48) {
      this.reserve(length * 3 + 2)
      const { buffer } = this
      const start = this.length
      let at = start + 1
      let i = 0
      for (; i < length; i++) {
        const unit = value.charCodeAt(i)
        if (unit > 0x7f) break
        buffer[at++] = unit
      }
      if (i === length) {
        buffer[start] = length << 1
        this.length = at
        return this
      }
    }
    const bytes = Buffer.byteLength(value)
    this.varint(bytes)
    this.reserve(bytes)
    this.length += this.buffer.write(value, this.length, 'utf8')
    return this
  }

  varBytes(value: Uint8Array | null): this {
    if (value === null) return this.varint(-1)
    return this.varint(value.length).raw(value)
  }

  /** What was written; the writer may not be used any more. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length)
    this.buffer = empty
    this.length = 0
    return taken
  }
}

/** Reads them. Throws `RangeError` beyond the end. */
export class ByteReader {
  readonly buffer: Buffer
  at: number

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer
    this.at = at
  }

  i8(): number {
    return this.buffer.readInt8(this.at++)
  }

  i16(): number {
    const value = this.buffer.readInt16BE(this.at)
    this.at += 2
    return value
  }

  i32(): number {
    const value = this.buffer.readInt32BE(this.at)
    this.at += 4
    return value
  }

  i64(): number {
    const upper = this.buffer.readInt32BE(this.at)
    const lower = this.buffer.readUInt32BE(this.at + 4)
    this.at += 8
    // Computed with the upper half, an offset would be kept as a fraction, in an object of its own.
    return upper === 0 ? lower : upper * 0x1_0000_0000 + lower
  }

  text(): string {
    return this.nullableText() ?? ''
  }

  nullableText(): string | null {
    const length = this.i16()
    if (length < 0) return null
    this.at += length
    return this.buffer.toString('utf8', this.at - length, this.at)
  }

  bytes(): Buffer {
    const length = this.i32()
    if (length <= 0) return empty
    if (this.at + length > this.buffer.length) throw new RangeError('the answer is cut short')
    this.at += length
    return this.buffer.subarray(this.at - length, this.at)
  }

  array<T>(read: () => T): T[] {
    const count = this.i32()
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read())
    return items
  }

  varint(): number {
    const { buffer } = this
    let byte = buffer[this.at++] as number
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
    let value = byte & 0x7f
    let shift = 7
    while (shift < 28) {
      byte = buffer[this.at++] as number
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
      shift += 7
    }
    let scale = 2 ** 28
    let wide = value
    do {
      if (this.at >= buffer.length) throw new RangeError('a record is cut short')
      byte = buffer[this.at++] as number
      wide += (byte & 0x7f) * scale
      scale *= 128
    } while (byte >= 0x80)
    return wide % 2 === 0 ? wide / 2 : -(wide + 1) / 2
  }
}
