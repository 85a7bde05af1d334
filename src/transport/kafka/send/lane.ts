import type { Batch } from '../protocol/batch.ts'

/** The batches of one partition, in order: one that is being filled, those that wait, those that were sent. */
export class Lane {
  readonly topic: string
  readonly partition: number
  open: Batch | undefined
  /** Filled, or to be sent again; in order. */
  readonly queue: Batch[] = []
  readonly sent: Batch[] = []
  /** Came back and must be sent again, before anything else, when all that was sent is back. */
  failed: Batch[] = []
  /**
   * One at a time: until all that failed is through, and until the broker knows the producer here. From one that it does not know it
   * takes any number, so the second would be stored where only the first was refused.
   */
  careful = true
  sequence = 0
  /** The largest batch that its topic takes, where that was found to be less than the broker's limit. */
  limit = Number.POSITIVE_INFINITY
  /** How large the last batch became. */
  expected = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get waiting(): boolean {
    return this.open !== undefined || this.queue.length > 0
  }

  get idle(): boolean {
    return !this.waiting && this.sent.length === 0 && this.failed.length === 0
  }

  /** What is to be sent next, where anything may be. */
  next(): Batch | undefined {
    if (this.failed.length > 0 || (this.careful && this.sent.length > 0)) return undefined
    const batch = this.queue.shift() ?? this.open
    if (batch !== undefined && batch === this.open) this.open = undefined
    return batch
  }

  /** A batch came back without success. */
  back(batch: Batch): void {
    this.sent.splice(this.sent.indexOf(batch), 1)
    this.failed.push(batch)
    this.careful = true
  }

  /** It came back as too large: its halves take its place. */
  halve(batch: Batch): void {
    this.sent.splice(this.sent.indexOf(batch), 1)
    this.limit = Math.max(1024, batch.bytes >> 1)
    this.failed.push(...batch.split())
    this.careful = true
  }

  done(batch: Batch): void {
    const at = this.sent.indexOf(batch)
    if (at >= 0) this.sent.splice(at, 1)
  }

  /** Puts what failed to the front again, once everything is back. */
  requeue(): void {
    if (this.sent.length > 0 || this.failed.length === 0) return
    this.queue.unshift(...this.failed.sort((a, b) => a.sequence - b.sequence))
    this.failed = []
  }
}
