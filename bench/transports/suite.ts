import { connect } from 'node:net'
import type { Pair, Peer } from '../pair.ts'
import { askMany, askOne, consume, endToEnd, lone, type Measure, produce, stalled } from './measures.ts'

/** Another library: its file in sides/, what it promises, and which part of the messages is enough to measure it. */
interface PeerSide {
  readonly name: string
  readonly side: string
  readonly share: number
  /** Absent: it cannot do the same. */
  readonly events?: string
  readonly asks?: string
}

interface Broker {
  readonly url: string
  readonly raw: string
  readonly peers: readonly PeerSide[]
}

const amqpPeers: readonly PeerSide[] = [
  {
    name: 'NestJS',
    side: 'nest-amqp',
    share: 0.2,
    events: 'confirmed, acknowledged after the handler; one queue, so no order among competitors',
    asks: 'direct reply-to',
  },
  {
    name: 'Moleculer',
    side: 'moleculer',
    share: 0.2,
    events: 'no confirms; acknowledged after the handler; one queue',
    asks: 'persistent, a queue a node for answers',
  },
  {
    name: 'rabbitmq-client',
    side: 'rabbitmq-client',
    share: 0.4,
    events: 'confirmed, acknowledged after the handler; one queue',
    asks: 'direct reply-to',
  },
]

const kafkaPeers: readonly PeerSide[] = [
  {
    name: 'NestJS',
    side: 'nest-kafka',
    share: 0.05,
    events: 'acks=all, a request an event; committed after the handler',
    asks: 'acks=all both ways',
  },
  {
    name: 'Moleculer',
    side: 'moleculer',
    share: 0.05,
    events: 'acks=1, a request an event; committed before the handler; one partition',
    asks: 'acks=1 both ways',
  },
  { name: 'kafkajs', side: 'kafkajs', share: 0.5, events: 'acks=all, batches; committed after the handlers' },
]

export const brokers: Readonly<Record<string, Broker>> = {
  amqp: { url: 'amqp://guest:guest@127.0.0.1:5672', raw: 'raw-amqp', peers: amqpPeers },
  kafka: { url: 'kafka://127.0.0.1:19092', raw: 'raw-kafka', peers: kafkaPeers },
}

function pairsOf(name: string, { raw, peers }: Broker, url: string, waiting: number): Pair[] {
  const pair = (what: string, unit: string, rounds: number, measure: Measure, promise?: 'events' | 'asks'): Pair => ({
    name: `${name}: ${what}`,
    unit,
    rounds,
    raw: measure(url, raw, 1),
    pabal: measure(url, 'pabal', 1),
    peers: peers.flatMap((peer): Peer[] => {
      const text = promise && peer[promise]
      return text === undefined ? [] : [{ name: peer.name, promise: text, open: measure(url, peer.side, peer.share) }]
    }),
  })
  return [
    pair('durable produce', 'msg/s', 9, produce),
    pair('durable consume', 'msg/s', 5, consume),
    pair('durable end to end', 'msg/s', 9, endToEnd, 'events'),
    pair('a query, p50', 'ms', 15, askOne, 'asks'),
    pair('queries, 200 in flight', 'req/s', 9, askMany, 'asks'),
    pair('a lone durable message, p50', 'ms', 9, lone),
    {
      name: `${name}: growth of a stalled consumer, ${waiting.toLocaleString('en')} messages waiting`,
      unit: 'MB',
      rounds: 1,
      bound: 64,
      pabal: stalled(waiting)(url, 'pabal', 1),
    },
  ]
}

/** The rows of one transport, or of each. Throws where its server does not listen. */
export async function transports(only: string | undefined, url: string | undefined, long: boolean): Promise<readonly Pair[]> {
  const names = only === undefined ? Object.keys(brokers) : [only]
  const pairs: Pair[] = []
  for (const name of names) {
    const broker = brokers[name] as Broker
    const server = url ?? broker.url
    await mustListen(name, server)
    pairs.push(...pairsOf(name, broker, server, long ? 1_000_000 : 100_000))
  }
  return pairs
}

async function mustListen(name: string, url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => resolve(void socket.destroy()))
    socket.once('error', () =>
      reject(new Error(`${name}: nothing listens on ${hostname}:${port}; start the servers (docs/explanation/benchmarks.md)`)),
    )
  })
}
