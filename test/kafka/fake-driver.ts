import type { Driver, DriverConnection, DriverWriter } from '../../src/transport/kafka/driver.ts'
import { Cluster } from '../../src/transport/kafka/link/cluster.ts'
import { ByteReader, ByteWriter } from '../../src/transport/kafka/protocol/bytes.ts'

/** What is answered: bytes, an error where the connection is lost, or nothing as long as the promise is open. */
export type Answers = (key: number, ask: ByteReader) => ByteWriter | Promise<ByteWriter>

class FakeWriter implements DriverWriter {
  readonly parts: Buffer[] = []

  append(bytes: Buffer): this {
    this.parts.push(bytes)
    return this
  }
}

/** A cluster of one broker, node 1, whose answers a test gives. */
export function fakeCluster(answers: Answers): Cluster {
  class Connection implements DriverConnection {
    #there = false

    async connect(): Promise<void> {
      this.#there = true
    }

    async close(): Promise<void> {
      this.#there = false
    }

    isConnected(): boolean {
      return this.#there
    }

    on(): void {}

    send: DriverConnection['send'] = (key, version, payload, parse, _request, _response, done) => {
      const { parts } = payload() as unknown as FakeWriter
      const answer = async () => answers(key, new ByteReader(Buffer.concat(parts)))
      answer().then(
        (bytes) => done(null, parse(0, key, version, { buffer: { buffer: bytes.take() }, position: 0 })),
        (error: Error) => {
          this.#there = false
          done(error)
        },
      )
    }
  }
  const driver: Driver = { Connection, Writer: { create: () => new FakeWriter() }, compressionsAlgorithmsByBitmask: {} }
  const connection = { connectTimeout: 1000, requestTimeout: 1000, maxInflights: 20 }
  return new Cluster({ driver, clientId: 'test', connection }, [{ host: '127.0.0.1', port: 9 }])
}

export const keys = {
  produce: 0,
  initProducerId: 22,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  apiVersions: 18,
}

/** Topics with the leader of each partition; a number is an error code. */
export function metadataOf(topics: Readonly<Record<string, readonly number[] | number>>, nodes: readonly number[] = [1]): ByteWriter {
  const to = new ByteWriter().i32(0)
  to.array(nodes, (node) => to.i32(node).text('127.0.0.1').i32(9).text(null))
  to.text(null).i32(1)
  return to.array(Object.entries(topics), ([name, leaders]) => {
    to.i16(typeof leaders === 'number' ? leaders : 0)
      .text(name)
      .i8(0)
    to.array(typeof leaders === 'number' ? [] : leaders.map((leader, index) => ({ leader, index })), ({ leader, index }) => {
      to.i16(leader < 0 ? 5 : 0)
        .i32(index)
        .i32(leader)
      to.array([1], (node) => to.i32(node))
        .array([1], (node) => to.i32(node))
        .array([], () => to)
    })
  })
}

export interface Asked {
  readonly topic: string
  readonly partition: number
  readonly from: number
}

/** What a fetch asks for. */
export const fetchAsked = (ask: ByteReader): Asked[] => fetchSaid(ask).asked

/** All that a fetch says, with its session. */
export function fetchSaid(ask: ByteReader): { id: number; epoch: number; asked: Asked[]; gone: string[] } {
  ask.at += 4 + 4 + 4 + 4 + 1
  const id = ask.i32()
  const epoch = ask.i32()
  const asked = ask
    .array(() => {
      const topic = ask.text()
      return ask.array(() => {
        const partition = ask.i32()
        ask.i32()
        const from = ask.i64()
        ask.at += 8 + 4
        return { topic, partition, from }
      })
    })
    .flat()
  const gone = ask.array(() => {
    const topic = ask.text()
    return ask.array(() => `${topic}/${ask.i32()}`)
  })
  return { id, epoch, asked, gone: gone.flat() }
}

export function fetchedOf(
  parts: readonly (Asked & { readonly code?: number; readonly bytes?: Buffer })[],
  { code = 0, session = 0 } = {},
): ByteWriter {
  const to = new ByteWriter().i32(0).i16(code).i32(session)
  return to.array(parts, ({ topic, partition, code = 0, bytes = Buffer.alloc(0) }) => {
    to.text(topic).array([0], () =>
      to
        .i32(partition)
        .i16(code)
        .i64(100)
        .i64(100)
        .i64(0)
        .array([], () => to)
        .bytes(bytes),
    )
  })
}
