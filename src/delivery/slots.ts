import type { Attempt } from './attempt.ts'

/**
 * How many handlers run at once. First come, first served; a key that has just been served goes to the end, so that keys
 * take turns. Suspects (handed out before and lost with their process) run one at a time.
 */
export class Slots {
  #limit: number
  #running = 0
  #queue: (Attempt | undefined)[] = []
  #from = 0
  #suspects: Attempt[] = []
  #suspect: Attempt | undefined = undefined
  #pumping = false
  readonly #begin: (attempt: Attempt) => void

  constructor(limit: number, begin: (attempt: Attempt) => void) {
    this.#limit = limit
    this.#begin = begin
  }

  get running(): number {
    return this.#running
  }

  set limit(value: number) {
    this.#limit = value
    this.#pump()
  }

  /** Begins the attempt as soon as there is room: at once where there is. */
  admit(attempt: Attempt): void {
    if (attempt.delivery.lost > 0 && this.#suspect !== undefined) this.#suspects.push(attempt)
    else if (this.#pumping || this.#running >= this.#limit || this.#from < this.#queue.length) this.#queue.push(attempt)
    else {
      this.#pumping = true
      this.#start(attempt)
      this.#pumping = false
      if (this.#from < this.#queue.length) this.#pump()
    }
  }

  /** The attempt's handler is over; another may begin. */
  done(attempt: Attempt): void {
    this.#running--
    if (attempt === this.#suspect) {
      this.#suspect = undefined
      // All of them: the first that still waits begins, the others come back here.
      this.#queue.push(...this.#suspects.splice(0))
    }
    if (this.#from < this.#queue.length) this.#pump()
  }

  #start(attempt: Attempt): void {
    if (attempt.delivery.lost > 0) this.#suspect = attempt
    this.#running++
    attempt.state = 'running'
    this.#begin(attempt)
  }

  // A loop, not recursion: handlers that end at once would otherwise nest as deep as the queue is long.
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#running < this.#limit && this.#from < this.#queue.length) {
      const attempt = this.#queue[this.#from] as Attempt
      this.#queue[this.#from++] = undefined
      // What was settled while it waited is passed over.
      if (attempt.state !== 'queued') continue
      if (attempt.delivery.lost > 0 && this.#suspect !== undefined) this.#suspects.push(attempt)
      else this.#start(attempt)
    }
    if (this.#from === this.#queue.length) {
      this.#queue = []
      this.#from = 0
    } else if (this.#from > 1024) {
      this.#queue.splice(0, this.#from)
      this.#from = 0
    }
    this.#pumping = false
  }
}
