import { ByteReader, ByteWriter } from './bytes.ts'
import { crc32c } from './crc32c.ts'

/** Who waits for records, and what is said of each by its index. */
export interface Waiter {
  settled(index: number, error: Error | undefined): void
}

export type PutHeaders = (batch: Batch) => void

const headerBytes = 61
/** Where the length of the batch ends and counts from. */
const afterLength = 12
const crcAt = 17
const afterCrc = 21

/** A batch of records for one partition, in Kafka's format (magic 2), written as the records come. */
export class Batch {
  readonly deadline: number
  readonly #writer: ByteWriter
  readonly #waiters: Waiter[] = []
  readonly #indexes: number[] = []
  readonly #first: number
  #last: number
  #headers = 0
  /** The producer's id and epoch with which it was stamped; sent again with the same. */
  stamp = -1
  sequence = -1
  attempts = 0

  constructor(now: number, deadline: number, expected: number) {
    this.deadline = deadline
    this.#first = now
    this.#last = now
    this.#writer = new ByteWriter(Math.max(headerBytes + 448, Math.min(expected, 1 << 20)))
    this.#writer.length = headerBytes
  }

  get count(): number {
    return this.#indexes.length
  }

  get bytes(): number {
    return this.#writer.length
  }

  add(now: number, key: Uint8Array | null, value: Uint8Array | null, put: PutHeaders | undefined, waiter: Waiter, index: number): void {
    const writer = this.#writer
    const start = writer.length
    // Two bytes hold the length of nearly every record.
    writer.reserve((key?.length ?? 0) + (value?.length ?? 0) + 64)
    writer.length += 2
    writer.i8(0)
    writer.varint(now - this.#first)
    writer.varint(this.count)
    writer.varBytes(key)
    writer.varBytes(value)
    const countAt = writer.length++
    this.#headers = 0
    put?.(this)
    if (this.#headers < 64) writer.buffer[countAt] = this.#headers << 1
    else this.#widen(countAt, 1, this.#headers)
    this.#widen(start, 2, writer.length - start - 2)
    if (now > this.#last) this.#last = now
    this.#waiters.push(waiter)
    this.#indexes.push(index)
  }

  header(name: string, value: string): void {
    this.#headers++
    this.#writer.varText(name).varText(value)
  }

  /** Writes a number at `at`, where `room` bytes were left, moving what follows where it takes more or fewer. */
  #widen(at: number, room: number, value: number): void {
    const writer = this.#writer
    const end = writer.length
    const zigzag = value * 2
    if (room === 2 && zigzag >= 0x80 && zigzag < 0x4000) {
      writer.buffer[at] = (zigzag & 0x7f) | 0x80
      writer.buffer[at + 1] = zigzag >> 7
      return
    }
    const size = zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5
    writer.reserve(size)
    writer.buffer.copyWithin(at + size, at + room, end)
    writer.length = at
    writer.varint(value)
    writer.length = end + size - room
  }

  /** The whole batch, for this producer. */
  seal(producer: number, epoch: number): Buffer {
    const { length } = this.#writer
    const bytes = this.#writer.buffer.subarray(0, length)
    const head = new ByteWriter(headerBytes)
    head
      .i64(0)
      .i32(length - afterLength)
      .i32(-1)
      .i8(2)
      .i32(0)
    head
      .i16(0)
      .i32(this.count - 1)
      .i64(this.#first)
      .i64(this.#last)
    head.i64(producer).i16(epoch).i32(this.sequence).i32(this.count)
    bytes.set(head.take(), 0)
    bytes.writeUInt32BE(crc32c(bytes, afterCrc, length), crcAt)
    return bytes
  }

  /** Two that hold half of it each, in order. */
  split(): [Batch, Batch] {
    const half = this.count >> 1
    const halves: [Batch, Batch] = [
      new Batch(this.#first, this.deadline, this.bytes >> 1),
      new Batch(this.#first, this.deadline, this.bytes >> 1),
    ]
    const reader = new ByteReader(this.#writer.buffer, headerBytes)
    for (let i = 0; i < this.count; i++) {
      const length = reader.varint()
      const end = reader.at + length
      reader.at++
      const since = reader.varint()
      reader.varint()
      const [first, second] = halves
      const to = i < half ? first : second
      to.#copy(since, reader.buffer.subarray(reader.at, end), this.#waiters[i] as Waiter, this.#indexes[i] as number)
      reader.at = end
    }
    for (const [index, one] of halves.entries()) {
      one.#last = this.#last
      one.attempts = this.attempts + 1
      // Only for its place among others: it is numbered anew.
      one.sequence = this.sequence + index * half
    }
    return halves
  }

  #copy(since: number, rest: Uint8Array, waiter: Waiter, index: number): void {
    const writer = this.#writer
    const start = writer.length
    writer.length += 2
    writer.i8(0).varint(since).varint(this.count).raw(rest)
    this.#widen(start, 2, writer.length - start - 2)
    this.#waiters.push(waiter)
    this.#indexes.push(index)
  }

  settle(error: Error | undefined): void {
    for (let i = 0; i < this.#waiters.length; i++) (this.#waiters[i] as Waiter).settled(this.#indexes[i] as number, error)
  }
}
