/** What the website knows of an order. */
interface Followed {
  readonly placedAt: number
  end: 'approved' | 'rejected' | undefined
  booked: boolean
  cooking: boolean
}

/** Follows every placed order to its end by the events that are published; hearing one twice changes nothing. */
export class Tracker {
  readonly #orders = new Map<string, Followed>()
  readonly latencies: number[] = []
  approved = 0
  rejected = 0
  complete = 0
  /** When anything last happened, on the clock of `performance.now()`. */
  lastNews = performance.now()

  get placed(): number {
    return this.#orders.size
  }

  get open(): number {
    return this.placed - this.complete
  }

  place(orderId: string): void {
    this.lastNews = performance.now()
    this.#orders.set(orderId, { placedAt: performance.now(), end: undefined, booked: false, cooking: false })
  }

  ended(orderId: string, end: 'approved' | 'rejected'): void {
    this.#hear(orderId, (order) => {
      if (order.end !== undefined) return
      order.end = end
      this[end]++
      this.latencies.push(performance.now() - order.placedAt)
    })
  }

  booked(orderId: string): void {
    this.#hear(orderId, (order) => {
      order.booked = true
    })
  }

  cooking(orderId: string): void {
    this.#hear(orderId, (order) => {
      order.cooking = true
    })
  }

  #hear(orderId: string, change: (order: Followed) => void): void {
    const order = this.#orders.get(orderId)
    if (order === undefined) return
    this.lastNews = performance.now()
    const before = isComplete(order)
    change(order)
    if (!before && isComplete(order)) this.complete++
  }
}

function isComplete(order: Followed): boolean {
  return order.end === 'rejected' || (order.end === 'approved' && order.booked && order.cooking)
}
