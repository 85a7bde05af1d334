import { createRecordsBatch, crc32c as driverCrc, murmur2 as driverMurmur, Reader, readRecordsBatch } from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import { sampleMessage } from '../../src/testing/samples.ts'
import { readAssignment, readClaim, share, writeAssignment, writeClaim } from '../../src/transport/kafka/group/assignor.ts'
import { readDone, writeDone } from '../../src/transport/kafka/group/commits.ts'
import { Losses, readLeft, Suspects } from '../../src/transport/kafka/group/losses.ts'
import { Batch } from '../../src/transport/kafka/protocol/batch.ts'
import { ByteReader, ByteWriter } from '../../src/transport/kafka/protocol/bytes.ts'
import { crc32c } from '../../src/transport/kafka/protocol/crc32c.ts'
import { messageIn, putMessage } from '../../src/transport/kafka/protocol/envelope.ts'
import { murmur2 } from '../../src/transport/kafka/protocol/murmur2.ts'
import { readRecords } from '../../src/transport/kafka/protocol/records.ts'
import { Names } from '../../src/transport/kafka/topics/names.ts'
import { assign } from '../../src/transport/shared/assignment.ts'
import { Entry } from '../../src/transport/shared/entry.ts'

const nobody = { settled: () => undefined }
const plain = (): Buffer => {
  throw new Error('nothing is compressed here')
}

test('checksums and hashes are those of Kafka', () => {
  for (const text of ['', 'a', '123456789', 'hello world', '키 😀', 'x'.repeat(1000)]) {
    const bytes = Buffer.from(text)
    expect(crc32c(bytes, 0, bytes.length)).toBe(driverCrc(bytes) >>> 0)
    expect(murmur2(bytes) | 0).toBe(driverMurmur(bytes) | 0)
  }
})

test('numbers of every size survive', () => {
  const numbers = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2 ** 30 - 1, 2 ** 30, -(2 ** 30), 2 ** 31, 2 ** 40, -(2 ** 40), 2 ** 50]
  const writer = new ByteWriter(1)
  for (const number of numbers) writer.varint(number).i64(number)
  const reader = new ByteReader(writer.take())
  for (const number of numbers) expect([reader.varint(), reader.i64()]).toEqual([number, number])
})

describe('records', () => {
  const headers = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`h-${n}`, `${n}`.repeat(n)]))
  const messages = [
    sampleMessage('one', 1_700_000_000_000, { key: 'k', headers: { a: '', 'X-b': 'ü 파발' } }),
    sampleMessage('many headers', 1, { headers }),
    sampleMessage('large', 2, { body: new Uint8Array(300_000).fill(7) }),
    sampleMessage('empty', 3, { body: '' }),
  ]

  test('are read by the driver and by Pabal as they were written', () => {
    const batch = new Batch(1000, 0, 0)
    for (const [index, message] of messages.entries())
      batch.add(
        1000 + index,
        message.key === undefined ? null : Buffer.from(message.key),
        message.body,
        (to) => putMessage(to, message),
        nobody,
        index,
      )
    batch.sequence = 5
    const bytes = batch.seal(77, 3)
    const theirs = readRecordsBatch(Reader.from(Buffer.from(bytes)))
    expect([theirs.producerId, theirs.producerEpoch, theirs.firstSequence, theirs.records.length]).toEqual([77n, 3, 5, 4])
    expect(theirs.crc).toBe(driverCrc(bytes.subarray(21)) >>> 0)
    const bodies = theirs.records.map(({ value }) => Buffer.from(value ?? []))
    for (const [index, message] of messages.entries()) expect(Buffer.compare(bodies[index] as Buffer, message.body)).toBe(0)
    const { records, next } = readRecords(bytes, 0, [], plain)
    expect(next).toBe(4)
    const read = records.map((record) => messageIn(record, 't', 0))
    for (const [index, message] of messages.entries()) {
      expect(read[index]).toMatchObject({ id: message.id, key: message.key, time: message.time, headers: message.headers })
      expect(Buffer.compare(read[index]?.body ?? Buffer.alloc(0), message.body)).toBe(0)
    }
  })

  test('of the driver are read by Pabal, compressed ones and aborted ones too', async () => {
    const { compressionsAlgorithmsByBitmask: algorithms } = await import('@platformatic/kafka')
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const message = {
        topic: 't',
        partition: 0,
        key: Buffer.from('k'),
        value: Buffer.from('v'.repeat(100)),
        headers: new Map([[Buffer.from('h'), Buffer.from('x')]]),
      }
      const bytes = createRecordsBatch([message, { ...message }], { compression }).buffer
      const { records } = readRecords(bytes, 0, [], (algorithm, packed) => algorithms[algorithm as 0]?.decompressSync(packed) as Buffer)
      expect(records.map(({ offset, value, headers: [header] = [] }) => [offset, String(value), header])).toEqual([
        [0, 'v'.repeat(100), ['h', 'x']],
        [1, 'v'.repeat(100), ['h', 'x']],
      ])
    }
    const aborted = createRecordsBatch([{ topic: 't', value: Buffer.from('never') }], { transactionalId: 'x', producerId: 9n }).buffer
    expect(readRecords(aborted, 0, [{ producer: 9, first: 0 }], plain)).toEqual({ records: [], next: 1 })
    expect(readRecords(aborted, 0, [], plain).records).toHaveLength(1)
  })

  test('that are cut short come with the next answer', () => {
    const batch = new Batch(0, 0, 0)
    batch.add(0, null, Buffer.from('x'), undefined, nobody, 0)
    const bytes = batch.seal(-1, -1)
    expect(readRecords(bytes.subarray(0, bytes.length - 1), 0, [], plain)).toEqual({ records: [], next: 0 })
    expect(readRecords(bytes, 1, [], plain)).toEqual({ records: [], next: 1 })
  })
})

test('what is settled above the floor fits beside a commit, and what does not is left out', () => {
  const places = [
    { floor: 0, done: [] },
    { floor: 10, done: [12, 13, 14, 20, 5000] },
    { floor: 1e12, done: [1e12 + 7] },
  ]
  for (const place of places) {
    const { text, whole } = writeDone(place)
    expect([whole, readDone(place.floor, text)]).toEqual([true, place.done])
  }
  const many = { floor: 0, done: Array.from({ length: 5000 }, (_, n) => 2 * n + 1) }
  const { text, whole } = writeDone(many)
  expect(whole).toBe(false)
  expect(text.length).toBeLessThanOrEqual(4000)
  expect(many.done.slice(0, 500)).toEqual(readDone(0, text).slice(0, 500))
  expect(readDone(0, 'somebody else wrote this')).toEqual([])
})

test('what is out stands beside the commit, and is counted by the next owner', () => {
  const entry = (position: number) => new Entry(position, sampleMessage(`m-${position}`, 1))
  const written: number[] = []
  const first = new Losses({ open: true, out: [7], lost: new Map([[9, 2]]) }, false, new Suspects())
  expect([first.of(7), first.of(8), first.of(9), first.careful()]).toEqual([1, 0, 2, true])
  for (const position of [8, 10]) first.note(entry(position), () => written.push(position))
  const { text, written: told } = first.write(5)
  expect(written).toEqual([])
  told()
  expect(written).toEqual([8, 10])
  const left = readLeft(5, `done 1|${text}`)
  expect(left).toEqual({
    open: true,
    out: [8, 10],
    lost: new Map([
      [7, 1],
      [9, 2],
    ]),
  })
  first.back(entry(8), true)
  first.close()
  expect(readLeft(5, first.write(5).text)).toEqual({ open: false, out: [], lost: left.lost })
  expect(readLeft(5, 'somebody else wrote this')).toEqual({ open: false, out: [], lost: new Map() })
})

test('of the suspects of a member one is out at a time', () => {
  const suspects = new Suspects()
  const [one, two] = [1, 2].map((position) => Object.assign(new Entry(position, sampleMessage('m', 1)), { lost: 1 })) as [Entry, Entry]
  let woken = 0
  expect([suspects.take(one, () => woken++), suspects.take(two, () => woken++)]).toEqual([true, false])
  suspects.back(two)
  expect(woken).toBe(0)
  suspects.back(one)
  expect([woken, suspects.take(two, () => woken++)]).toEqual([1, true])
})

test('a suspect that was not handed out when its partition went keeps no other waiting', () => {
  const suspects = new Suspects()
  const suspect = (position: number) => Object.assign(new Entry(position, sampleMessage('m', 1)), { lost: 1 })
  const [gone, stays] = [1, 2].map(() => new Losses({ open: true, out: [], lost: new Map() }, false, suspects)) as [Losses, Losses]
  let woken = 0
  // Each is written down before it may go; the first has the place of the one that may be out.
  expect(gone.ready(suspect(1), () => undefined)).toBe(false)
  expect(stays.ready(suspect(2), () => woken++)).toBe(false)
  expect(stays.write(0).text).toBe('open')
  gone.close()
  expect(woken).toBe(1)
  expect(stays.ready(suspect(2), () => undefined)).toBe(false)
  expect(stays.write(0).text).toBe('open 2')
})

describe('who gets which partition', () => {
  const claim = (member: string, owned: number[] = [], refused: number[] = []) => ({ member, owned, refused })
  const all = (given: Map<string, number[]>) => [...given.values()].flat().sort((a, b) => a - b)

  test('evenly; what another holds goes to nobody until it is let go of', () => {
    expect(share([claim('a')], 6).get('a')).toEqual([0, 1, 2, 3, 4, 5])
    const first = share([claim('a', [0, 1, 2, 3, 4, 5]), claim('b')], 6)
    expect(first.get('b')).toEqual([])
    expect(first.get('a')).toHaveLength(3)
    const second = share([claim('a', first.get('a')), claim('b')], 6)
    expect([second.get('a'), second.get('b')?.length]).toEqual([first.get('a'), 3])
    expect(all(second)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('what one refuses goes to another; what all refuse stays', () => {
    const owned = assign(['a', 'b'], 6)
    const mine = owned.get('a') as number[]
    const given = share([claim('a', [], mine), claim('b', [])], 6)
    expect([given.get('a'), given.get('b')]).toEqual([[], [0, 1, 2, 3, 4, 5]])
    const everything = [0, 1, 2, 3, 4, 5]
    const stays = share([claim('a', mine, everything), claim('b', owned.get('b'), everything)], 6)
    expect(stays.get('a')).toEqual(mine)
  })

  test('claims and assignments travel in the form of other consumers', () => {
    expect(readClaim('m', writeClaim('t', [1, 2], [3]))).toEqual(claim('m', [1, 2], [3]))
    expect(readAssignment(writeAssignment('t', { partitions: [4, 5], members: 3 }))).toEqual({ partitions: [4, 5], members: 3 })
    expect(readClaim('m', Buffer.from('not ours'))).toEqual(claim('m'))
  })
})

test('names can be read back, and those that Kafka has not are refused', () => {
  const names = new Names('test.')
  expect([names.topic('Order'), names.topic('Order', 'parked', 'kitchen'), names.topic('a.b', 'delayed')]).toEqual([
    'test.Order',
    'test.Order.-parked.kitchen',
    'test.a.b.-delayed',
  ])
  expect(names.read('test.Order.-parked.kitchen')).toEqual({ address: 'Order', lane: 'parked', group: 'kitchen' })
  expect(names.read('other.Order')).toBeUndefined()
  expect(names.readGroup(names.group({ address: 'Order', kind: 'publish-subscribe' }, 'durable', 'kitchen'))).toEqual({
    topic: 'test.Order',
    group: 'kitchen',
  })
  for (const bad of ['a b', '키', 'a.-parked', 'x'.repeat(250)])
    expect(() => names.topic(bad)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIGURATION' }))
})
