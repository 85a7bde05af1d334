import { ByteReader } from './bytes.ts'

/** One record as it lies in a partition. What is bytes is a view of the answer that brought it. */
export interface Raw {
  readonly offset: number
  readonly time: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Plain ASCII, as nearly all of them are, comes as text. */
  readonly headers: readonly (readonly [name: string | Buffer, value: string | Buffer])[]
}

/** A transaction that came to nothing: its records, from the offset on, are not to be seen. */
export interface Aborted {
  readonly producer: number
  readonly first: number
}

/** Undoes what another client has compressed; `algorithm` is Kafka's number of it. */
export type Decompress = (algorithm: number, bytes: Buffer) => Buffer

const noHeaders: Raw['headers'] = Object.freeze([])
const compressionMask = 0x07
const transactional = 0x10
const control = 0x20

/**
 * The records from `from` on in the batches of an answer, in order, and where to read on. What is cut off at the end comes with
 * the next answer.
 */
export function readRecords(
  bytes: Buffer,
  from: number,
  aborted: readonly Aborted[],
  decompress: Decompress,
): { records: Raw[]; next: number } {
  const records: Raw[] = []
  const waiting = [...aborted].sort((a, b) => a.first - b.first)
  const dropped = new Set<number>()
  let next = from
  let at = 0
  while (at + 61 <= bytes.length) {
    const reader = new ByteReader(bytes, at)
    const base = reader.i64()
    const end = at + 12 + reader.i32()
    if (end > bytes.length) break
    reader.i32()
    const magic = reader.i8()
    // Of brokers and clients older than any that is supported.
    if (magic !== 2) throw new RangeError(`records of format ${magic} are not understood`)
    reader.i32()
    const attributes = reader.i16()
    const last = base + reader.i32()
    const firstTime = reader.i64()
    const maxTime = reader.i64()
    const producer = reader.i64()
    reader.i16()
    reader.i32()
    const count = reader.i32()
    while (waiting[0] !== undefined && waiting[0].first <= last) dropped.add((waiting.shift() as Aborted).producer)
    if (attributes & control) {
      // Its key says what the transaction came to: 0 is aborted.
      if (isAbort(bytes, reader.at)) dropped.delete(producer)
    } else if (!(attributes & transactional && dropped.has(producer))) {
      const algorithm = attributes & compressionMask
      const plain = algorithm === 0 ? reader : new ByteReader(decompress(algorithm, bytes.subarray(reader.at, end)))
      const appended = (attributes & 0x08) !== 0
      for (let i = 0; i < count; i++) {
        const record = readRecord(plain, base, appended ? maxTime : firstTime, appended)
        // A batch comes whole, also where it begins before what was asked for.
        if (record.offset >= from) records.push(record)
      }
    }
    if (last + 1 > next) next = last + 1
    at = end
  }
  return { records, next }
}

function readRecord(reader: ByteReader, base: number, time: number, appended: boolean): Raw {
  const length = reader.varint()
  const end = reader.at + length
  reader.at++
  const since = reader.varint()
  const offset = base + reader.varint()
  const key = piece(reader)
  const value = piece(reader)
  const count = reader.varint()
  const headers = count > 0 ? readHeaders(reader, count, end) : noHeaders
  reader.at = end
  return { offset, time: appended ? time : time + since, key, value, headers }
}

/** The names of the last record's headers, in their order: most are the same in the next. */
const order: string[] = []
const mostNames = 64

/** One call out of JavaScript reads them all; each is then a piece of that text. */
function readHeaders(reader: ByteReader, count: number, end: number): Raw['headers'] {
  const start = reader.at
  const text = reader.buffer.toString('latin1', start, end)
  const found: [string | Buffer, string | Buffer][] = []
  for (let i = 0; i < count; i++) {
    const size = reader.varint()
    const from = reader.at - start
    const guess = order[i]
    let name: string | Buffer
    if (guess !== undefined && guess.length === size && text.startsWith(guess, from)) name = guess
    else {
      name = pieceOf(reader, text, start, size)
      if (i < mostNames && typeof name === 'string') order[i] = name
    }
    reader.at = start + from + size
    const length = reader.varint()
    const value = length < 0 ? '' : pieceOf(reader, text, start, length)
    if (length > 0) reader.at += length
    found.push([name, value])
  }
  return found
}

function pieceOf({ buffer, at }: ByteReader, text: string, start: number, size: number): string | Buffer {
  const from = at - start
  for (let i = from; i < from + size; i++) if (text.charCodeAt(i) > 0x7e) return buffer.subarray(at, at + size)
  return text.substring(from, from + size)
}

function piece(reader: ByteReader): Buffer | null {
  const length = reader.varint()
  if (length < 0) return null
  reader.at += length
  return reader.buffer.subarray(reader.at - length, reader.at)
}

function isAbort(bytes: Buffer, at: number): boolean {
  const reader = new ByteReader(bytes, at)
  reader.varint()
  reader.at++
  reader.varint()
  reader.varint()
  const key = piece(reader)
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0
}
