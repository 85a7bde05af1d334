import type { Timer } from '../runtime/runtime.ts'

export interface GivenBack {
  readonly id: string
  readonly shard: string
  readonly after: number | undefined
  /** Ends the wait if it does not come: it was taken away, or handled elsewhere. */
  readonly timer: Timer
}

/** What can stand in a chain. */
export interface Linked<A extends Linked<A>> {
  chain: Chain<A> | undefined
  next: A | undefined
}

/** The messages of one key that are handed out, in order. Only the head is ever handled. */
export class Chain<A extends Linked<A>> {
  readonly key: string
  head: A | undefined = undefined
  #tail: A | undefined = undefined
  length = 0
  /** The head whose followers crowd the consumer, and how often it was seen to run since. */
  watched: A | undefined = undefined
  looks = 0
  /** The head that was given back: until it comes again, nothing of the key is handled. */
  givenBack: GivenBack | undefined = undefined

  constructor(key: string) {
    this.key = key
  }

  push(attempt: A): void {
    attempt.chain = this
    if (this.#tail === undefined) this.head = attempt
    else this.#tail.next = attempt
    this.#tail = attempt
    this.length++
  }

  /** Takes the head away; the next one, if any, is the head now. */
  shift(): A | undefined {
    const { head } = this
    if (head === undefined) return undefined
    this.head = head.next
    head.next = undefined
    if (this.head === undefined) this.#tail = undefined
    this.length--
    return head
  }

  /** Takes away all but the head, in order. */
  takeFollowers(): A[] {
    const followers: A[] = []
    const { head } = this
    if (head === undefined) return followers
    for (let each = head.next; each !== undefined; ) {
      followers.push(each)
      const { next } = each
      each.next = undefined
      each = next
    }
    head.next = undefined
    this.#tail = head
    this.length = 1
    return followers
  }
}
