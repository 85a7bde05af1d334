import { PabalError } from '../../../errors.ts'
import { systemRuntime } from '../../../runtime/system.ts'
import { backoff, type Cluster, pause } from '../link/cluster.ts'
import type { Link } from '../link/link.ts'
import { Batch, type PutHeaders, type Waiter } from '../protocol/batch.ts'
import { ByteReader, ByteWriter } from '../protocol/bytes.ts'
import { codes, isPassing, KafkaFault, LinkFault } from '../protocol/codes.ts'
import { initProducerId } from '../protocol/protocol.ts'
import { Lane } from './lane.ts'

export interface ProducerOptions {
  /** Every replica that must have it has it, in order and once; otherwise the leader alone, tried once. */
  readonly safe: boolean
  /** Milliseconds that a record may wait for its broker. */
  readonly deadline: number
  readonly maxMessages: number
  readonly maxBytes: number
  /** The largest batch that the brokers take. */
  readonly batchBytes: () => number
  /** Told when brokers do not answer. */
  readonly troubled: (error: unknown) => void
}

const produceKey = 0
const produceVersion = 7
/** Requests under way to one broker: further ones wait, and so grow. */
const mostInFlight = 5
/** While something is under way a smaller request waits for its answer, so that load makes batches. */
const worthSending = 64 * 1024
const requestBytes = 4 * 1024 * 1024

interface Flight {
  readonly lane: Lane
  readonly batch: Batch
}

/** Sends records: what comes in one tick goes as one request to each broker, in order for each partition, several requests in flight. */
export class Producer {
  readonly #cluster: Cluster
  readonly #o: ProducerOptions
  readonly #lanes = new Map<string, Lane[]>()
  /** Lanes that have something to send. */
  readonly #ready = new Set<Lane>()
  readonly #links = new Map<number, { readonly link: Link; flying: number }>()
  #producer = -1
  #epoch = -1
  /** Rises with every producer id: a batch that has another stamp is numbered anew. */
  #stamp = 0
  #renewing: Promise<void> | undefined
  #stale: boolean
  #scheduled = false
  #recovering = false
  #messages = 0
  #bytes = 0
  #flying = 0
  #closed = false
  #idle: (() => void)[] = []

  constructor(cluster: Cluster, options: ProducerOptions) {
    this.#cluster = cluster
    this.#o = options
    this.#stale = options.safe
  }

  /** Whether so much more fits: everything that waits is bounded. */
  fits(bytes: number): boolean {
    return this.#messages < this.#o.maxMessages && (this.#messages === 0 || this.#bytes + bytes <= this.#o.maxBytes)
  }

  add(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    put: PutHeaders | undefined,
    waiter: Waiter,
    index: number,
    size: number,
  ): void {
    const lane = this.#lane(topic, partition)
    let { open } = lane
    if (open !== undefined && open.bytes + size > Math.min(this.#o.batchBytes(), lane.limit)) {
      lane.queue.push(open)
      open = undefined
    }
    const now = systemRuntime.now()
    if (open === undefined) {
      lane.open = open = new Batch(now, systemRuntime.monotonic() + this.#o.deadline, lane.expected)
      this.#ready.add(lane)
      this.#schedule()
    }
    const before = open.bytes
    open.add(now, key, value, put, waiter, index)
    this.#messages++
    this.#bytes += open.bytes - before
  }

  #lane(topic: string, partition: number): Lane {
    let lanes = this.#lanes.get(topic)
    if (lanes === undefined) this.#lanes.set(topic, (lanes = []))
    return (lanes[partition] ??= new Lane(topic, partition))
  }

  /** After everything that this tick still has to say. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    process.nextTick(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    if (this.#renewing !== undefined || this.#ready.size === 0) return
    if (this.#stale) {
      this.#renew()
      return
    }
    const byNode = new Map<number, Lane[]>()
    for (const lane of this.#ready) {
      const leader = this.#cluster.topic(lane.topic)?.leaders[lane.partition] ?? -1
      if (leader < 0) {
        this.#recover()
        continue
      }
      const some = byNode.get(leader)
      if (some) some.push(lane)
      else byNode.set(leader, [lane])
    }
    for (const [node, lanes] of byNode) this.#send(node, lanes)
  }

  #send(node: number, lanes: readonly Lane[]): void {
    let there = this.#links.get(node)
    if (there === undefined) {
      try {
        there = { link: this.#cluster.private(node, { requestTimeout: 10_000, maxInflights: mostInFlight }), flying: 0 }
      } catch {
        this.#recover()
        return
      }
      this.#links.set(node, there)
    }
    if (there.flying >= mostInFlight) return
    if (
      there.flying > 0 &&
      lanes.reduce((sum, lane) => sum + (lane.queue.length > 0 ? worthSending : (lane.open?.bytes ?? 0)), 0) < worthSending
    )
      return
    const flights: Flight[] = []
    let bytes = 0
    for (const lane of lanes) {
      if (bytes > requestBytes) break
      const batch = lane.next()
      if (!lane.waiting || batch === undefined) this.#ready.delete(lane)
      if (batch === undefined) continue
      lane.sent.push(batch)
      lane.expected = batch.bytes + (batch.bytes >> 2)
      bytes += batch.bytes
      flights.push({ lane, batch })
    }
    if (flights.length > 0) void this.#fly(there, flights)
    if (this.#ready.size > 0 && bytes > requestBytes) this.#schedule()
  }

  async #fly(there: { readonly link: Link; flying: number }, flights: readonly Flight[]): Promise<void> {
    there.flying++
    this.#flying++
    try {
      const body = this.#request(flights)
      const connection = there.link.ready ?? (await there.link.connect())
      const answers = await there.link.send(connection, produceKey, produceVersion, body, readAnswer)
      const byLane = new Map(answers.map((answer) => [`${answer.partition} ${answer.topic}`, answer.code]))
      for (const { lane, batch } of flights)
        this.#answered(lane, batch, byLane.get(`${lane.partition} ${lane.topic}`) ?? codes.UNKNOWN_SERVER_ERROR)
    } catch (error) {
      this.#o.troubled(error)
      for (const { lane, batch } of flights) this.#failed(lane, batch, error as Error)
    } finally {
      there.flying--
      this.#flying--
    }
    if (this.#ready.size > 0) this.#schedule()
    if (this.#flying === 0) this.#settled()
  }

  #request(flights: readonly Flight[]): Buffer[] {
    const { safe } = this.#o
    const byTopic = new Map<string, Flight[]>()
    for (const flight of flights) {
      const some = byTopic.get(flight.lane.topic)
      if (some) some.push(flight)
      else byTopic.set(flight.lane.topic, [flight])
    }
    const parts: Buffer[] = []
    let head = new ByteWriter(256)
    head
      .text(null)
      .i16(safe ? -1 : 1)
      .i32(10_000)
      .i32(byTopic.size)
    for (const [topic, some] of byTopic) {
      head.text(topic).i32(some.length)
      for (const { lane, batch } of some) {
        if (safe && batch.stamp !== this.#stamp) {
          batch.stamp = this.#stamp
          batch.sequence = lane.sequence
          lane.sequence = (lane.sequence + batch.count) & 0x7fffffff
        }
        const bytes = batch.seal(this.#producer, this.#epoch)
        head.i32(lane.partition).i32(bytes.length)
        parts.push(head.take(), bytes)
        head = new ByteWriter(64)
      }
    }
    if (head.length > 0) parts.push(head.take())
    return parts
  }

  #answered(lane: Lane, batch: Batch, code: number): void {
    if (code === 0 || code === codes.DUPLICATE_SEQUENCE_NUMBER) {
      lane.done(batch)
      if (lane.careful && lane.failed.length === 0 && !lane.queue.some((one) => one.attempts > 0)) lane.careful = false
      this.#finish(batch, undefined)
      this.#requeue(lane)
      return
    }
    const fault = new KafkaFault(code, `${lane.topic}/${lane.partition}`)
    if (code === codes.UNKNOWN_PRODUCER_ID || code === codes.INVALID_PRODUCER_EPOCH) this.#stale = true
    // One before it failed: it comes again after that one. Otherwise, or alone, the broker does not know what this producer sent.
    else if (code === codes.OUT_OF_ORDER_SEQUENCE_NUMBER) this.#stale ||= !lane.careful || batch.attempts > 0
    else if ((code === codes.MESSAGE_TOO_LARGE || code === codes.RECORD_LIST_TOO_LARGE) && batch.count > 1) {
      this.#halve(lane, batch)
      return
    } else if (!isPassing(code)) {
      lane.done(batch)
      this.#giveUp(batch, fault)
      this.#requeue(lane)
      return
    }
    this.#failed(lane, batch, fault)
  }

  /** The topic takes less than the broker: the numbers of what follows change. */
  #halve(lane: Lane, batch: Batch): void {
    const before = batch.bytes
    lane.halve(batch)
    this.#bytes += lane.failed.slice(-2).reduce((sum, one) => sum + one.bytes, 0) - before
    this.#stale = this.#o.safe
    this.#requeue(lane)
    this.#schedule()
  }

  #failed(lane: Lane, batch: Batch, error: Error): void {
    const hopeless = error instanceof LinkFault && error.hopeless
    if (!this.#o.safe || hopeless || systemRuntime.monotonic() > batch.deadline || this.#closed) {
      lane.done(batch)
      this.#giveUp(batch, error)
    } else {
      batch.attempts++
      lane.back(batch)
    }
    this.#cluster.forget(lane.topic)
    this.#requeue(lane)
    this.#recover()
  }

  #requeue(lane: Lane): void {
    lane.requeue()
    if (lane.waiting) this.#ready.add(lane)
  }

  /** What was numbered and is not sent leaves a gap, so all that follows is numbered anew. */
  #giveUp(batch: Batch, error: Error): void {
    if (batch.sequence >= 0) this.#stale = this.#o.safe
    this.#finish(batch, error)
  }

  #finish(batch: Batch, error: Error | undefined): void {
    this.#messages -= batch.count
    this.#bytes -= batch.bytes
    batch.settle(error)
  }

  /** A producer id of its own, once nothing is under way with the one before. */
  #renew(): void {
    if (this.#renewing !== undefined || this.#flying > 0) return
    this.#renewing = this.#cluster
      .any(initProducerId, undefined)
      .then(({ code, producer, epoch }) => {
        if (code !== 0) throw new KafkaFault(code, 'a producer id')
        this.#producer = producer
        this.#epoch = epoch
        this.#stamp++
        this.#stale = false
        for (const lane of [...this.#lanes.values()].flat()) {
          if (lane === undefined) continue
          lane.sequence = 0
          lane.careful = true
        }
      })
      .then(
        () => {
          this.#renewing = undefined
          this.#schedule()
        },
        (error: unknown) => {
          this.#renewing = undefined
          this.#o.troubled(error)
          const hopeless =
            (error instanceof LinkFault && error.hopeless) || (error instanceof KafkaFault && !isPassing(error.code) && error.code !== 0)
          if (hopeless) this.#expire(error as Error, true)
          this.#recover()
        },
      )
  }

  /** Learns who leads, waits a little, and goes on; until nothing waits. */
  #recover(): void {
    if (this.#recovering) return
    this.#recovering = true
    void (async () => {
      for (let attempt = 0; this.#ready.size > 0; attempt++) {
        let failure: Error = new LinkFault('no broker answers', { unsent: true })
        try {
          const topics = [...new Set([...this.#ready].map((lane) => lane.topic))]
          await this.#cluster.refresh(topics)
          if ([...this.#ready].every((lane) => (this.#cluster.topic(lane.topic)?.leaders[lane.partition] ?? -1) >= 0)) break
          failure = new KafkaFault(codes.LEADER_NOT_AVAILABLE, topics.join(', '))
        } catch (error) {
          failure = error as Error
          this.#o.troubled(error)
        }
        this.#expire(failure, failure instanceof LinkFault && failure.hopeless)
        if (this.#ready.size > 0) await pause(Math.min(backoff(attempt), 500))
      }
      // A broker that answers questions and refuses records must not be asked without end.
      if ([...this.#ready].some((lane) => lane.queue.some((batch) => batch.attempts > 0))) await pause(30)
      this.#recovering = false
      this.#expire(new LinkFault('its deadline passed'), false)
      if (this.#ready.size > 0) this.#schedule()
      else this.#settled()
    })()
  }

  /** Gives up what has waited too long. */
  #expire(error: Error, all: boolean): void {
    const now = systemRuntime.monotonic()
    const late = (batch: Batch): boolean => all || this.#closed || now > batch.deadline
    for (const lane of this.#ready) {
      while (lane.queue[0] !== undefined && late(lane.queue[0])) this.#giveUp(lane.queue.shift() as Batch, error)
      if (lane.queue.length === 0 && lane.open !== undefined && late(lane.open)) {
        const { open } = lane
        lane.open = undefined
        this.#giveUp(open, error)
      }
      if (!lane.waiting) this.#ready.delete(lane)
    }
  }

  #settled(): void {
    if (this.#messages === 0) for (const resolve of this.#idle.splice(0)) resolve()
    else if (this.#stale) this.#schedule()
  }

  /** Resolves when all that was given is sent or refused. */
  flushed(): Promise<void> {
    return this.#messages === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Sends what waits, where brokers answer. */
  async close(): Promise<void> {
    let timer: { cancel(): void } | undefined
    const late = new Promise<void>((resolve) => {
      timer = systemRuntime.timer(2000, resolve)
    })
    await Promise.race([this.flushed(), late])
    timer?.cancel()
    this.#closed = true
    this.#expire(new PabalError('CLOSED', 'the transport was closed'), true)
    await Promise.all([...this.#links.values()].map(({ link }) => link.close()))
  }
}

function readAnswer(bytes: Buffer, at: number): { topic: string; partition: number; code: number }[] {
  const from = new ByteReader(bytes, at)
  return from
    .array(() => {
      const topic = from.text()
      return from.array(() => {
        const answer = { topic, partition: from.i32(), code: from.i16() }
        from.at += 24
        return answer
      })
    })
    .flat()
}
