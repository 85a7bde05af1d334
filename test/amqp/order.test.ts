import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/runtime/simulated.ts'
import type { AmqpMessage } from '../../src/transport/amqp/driver.ts'
import { allOfThem, hasAll, inOrder, timesBack } from '../../src/transport/amqp/shard/returned.ts'

const again = (id: number, back: number): AmqpMessage => ({
  content: Buffer.alloc(0),
  fields: { deliveryTag: id, redelivered: back > 0 },
  properties: back > 0 ? { headers: { 'x-delivery-count': back } } : { headers: {} },
})
const idOf = ({ fields }: AmqpMessage): number => fields.deliveryTag as number

/** A quorum queue with a single active consumer, as `rabbit_fifo` does it: what comes back goes behind what came back before. */
class Queue {
  readonly returns: AmqpMessage[] = []
  readonly messages: AmqpMessage[] = []
  /** In the order in which they were sent, whoever has them. */
  readonly unsettled = new Set<number>()
  #sent = 0

  send(count: number): void {
    for (let n = 0; n < count; n++) {
      this.messages.push(again(++this.#sent, 0))
      this.unsettled.add(this.#sent)
    }
  }

  get ready(): number {
    return this.returns.length + this.messages.length
  }

  next(): AmqpMessage | undefined {
    return this.returns.shift() ?? this.messages.shift()
  }
}

/** A consumer: the broker gives it as many as it may have at once, and they come a moment later. */
class Consumer {
  readonly #queue: Queue
  readonly #may: number
  readonly #out: AmqpMessage[] = []
  #onTheWay: AmqpMessage[] = []

  constructor(queue: Queue, may: number) {
    this.#queue = queue
    this.#may = may
    this.given()
  }

  given(): void {
    while (this.#out.length < this.#may) {
      const message = this.#queue.next()
      if (message === undefined) return
      this.#out.push(message)
      this.#onTheWay.push(message)
    }
  }

  /** What comes next, if anything is on its way. */
  comes(): AmqpMessage | undefined {
    this.given()
    return this.#onTheWay.shift()
  }

  settle(message: AmqpMessage): void {
    this.#out.splice(this.#out.indexOf(message), 1)
    this.#queue.unsettled.delete(idOf(message))
    this.given()
  }

  close(): void {
    for (const message of this.#out) this.#queue.returns.push(again(idOf(message), timesBack(message) + 1))
  }
}

class Run {
  readonly #queue = new Queue()
  readonly #random: () => number
  /** How many anybody may have had: what members write down beside the fence. */
  #most = 0
  handedOut = 0
  grown = 0

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  #upTo(n: number): number {
    return 1 + Math.floor(this.#random() * n)
  }

  play(lives: number): void {
    for (let n = 0; n < lives; n++) {
      if (this.#random() < 0.6) this.#queue.send(this.#upTo(40))
      if (this.#random() < 0.2) this.#looks(this.#upTo(30))
      else this.#lives([1, 2, 5, 12, 30][this.#upTo(5) - 1] as number)
    }
  }

  #lives(prefetch: number): void {
    const queue = this.#queue
    this.#most = Math.max(this.#most, prefetch)
    const death = this.#random() < 0.2 ? Number.POSITIVE_INFINITY : this.#upTo(60)
    let steps = 0
    for (let may = prefetch; ; may = Math.min(may * 2, this.#most)) {
      const consumer = new Consumer(queue, may)
      const came: AmqpMessage[] = []
      for (let verdict = hasAll(came, may, this.#most); verdict !== 'all'; verdict = hasAll(came, may, this.#most)) {
        if (verdict === 'more' || steps++ >= death) break
        const message = consumer.comes()
        if (message !== undefined) came.push(message)
        // A nudge, which stays where it is if this one dies.
        else queue.send(1)
      }
      if (hasAll(came, may, this.#most) === 'all' && steps < death) return this.#handsOut(consumer, inOrder(came), death - steps)
      consumer.close()
      if (steps >= death) return
      this.grown++
      // It is somebody else's turn meanwhile.
      if (this.#random() < 0.3) this.#looks(this.#upTo(5))
    }
  }

  #handsOut(consumer: Consumer, first: AmqpMessage[], steps: number): void {
    const expected = [...this.#queue.unsettled]
    const out: AmqpMessage[] = []
    let at = 0
    const hand = (message: AmqpMessage): void => {
      if (at < expected.length) expect(idOf(message)).toBe(expected[at++])
      this.handedOut++
      out.push(message)
    }
    for (const message of first) hand(message)
    for (let n = 0; n < steps && n < 100; n++) {
      if (this.#random() < 0.6) {
        const message = consumer.comes()
        if (message !== undefined) hand(message)
      } else if (out.length > 0) {
        const [message] = out.splice(Math.floor(this.#random() * out.length), 1)
        consumer.settle(message as AmqpMessage)
      }
    }
    consumer.close()
  }

  /** A person looks, and takes one away now and then. */
  #looks(first: number): void {
    const queue = this.#queue
    for (let most = first; queue.ready > 0; most *= 4) {
      const { ready } = queue
      const size = Math.min(most, ready)
      this.#most = Math.max(this.#most, size)
      const consumer = new Consumer(queue, size)
      const messages: AmqpMessage[] = []
      while (messages.length < size) messages.push(consumer.comes() as AmqpMessage)
      const done = size === ready || hasAll(messages, size, allOfThem) === 'all'
      if (done) {
        const seen = inOrder(messages).map(idOf)
        expect(seen).toEqual([...queue.unsettled].slice(0, size))
        if (this.#random() < 0.3) consumer.settle(messages[this.#upTo(size) - 1] as AmqpMessage)
      }
      consumer.close()
      if (done || this.#random() < 0.1) return
    }
  }
}

describe('what came back', () => {
  test('is handed out in the order in which it was sent, whoever had how much of it and died when', () => {
    const sum = { handedOut: 0, grown: 0 }
    for (let seed = 1; seed <= 200; seed++) {
      const run = new Run(seed)
      run.play(40)
      sum.handedOut += run.handedOut
      sum.grown += run.grown
    }
    expect(sum.handedOut).toBeGreaterThan(30_000)
    expect(sum.grown).toBeGreaterThan(200)
  })

  test('is all there when one comes that nobody had, or as many as anybody can have had', () => {
    expect(hasAll([], 2, 2)).toBe('wait')
    expect(hasAll([again(1, 1)], 2, 2)).toBe('wait')
    expect(hasAll([again(1, 1), again(2, 0)], 3, 9)).toBe('all')
    expect(hasAll([again(1, 1), again(2, 1)], 2, 2)).toBe('all')
    expect(hasAll([again(1, 1), again(2, 1)], 2, 3)).toBe('more')
  })

  test('counts as often as the broker says, by its newer count where there is one; where it says nothing the order stays', () => {
    const counted = (headers: Record<string, unknown>): number => timesBack({ ...again(1, 0), properties: { headers } })
    expect([counted({}), counted({ 'x-delivery-count': 3 }), counted({ 'x-delivery-count': 1, 'x-acquired-count': 4 })]).toEqual([0, 3, 4])
    expect(inOrder([again(51, 1), again(52, 1), again(1, 2), again(2, 2), again(53, 0)]).map(idOf)).toEqual([1, 2, 51, 52, 53])
    expect(inOrder([again(3, 0), again(1, 0)]).map(idOf)).toEqual([3, 1])
  })
})
