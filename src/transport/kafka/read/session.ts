import { codes, KafkaFault } from '../protocol/codes.ts'

/** What is to be read of a partition. */
export interface FetchPart {
  readonly topic: string
  readonly partition: number
  readonly from: number
}

/** What one request says, of all that is to be read. */
export interface Change {
  readonly id: number
  readonly epoch: number
  readonly parts: readonly FetchPart[]
  /** In the session, and not to be read now. */
  readonly gone: readonly FetchPart[]
}

const lastEpoch = 0x7fff_ffff
const nameOf = ({ topic, partition }: FetchPart): string => `${partition} ${topic}`

/**
 * What a broker remembers of what it is asked for (KIP-227): a request says what changed since the one before, and its answer only
 * holds partitions where something is new. One request at a time. A broker that has no room for another session gives no id, and is
 * told all each time.
 */
export class FetchSession {
  #id = 0
  /** 0: all is told, and a session is asked for. */
  #epoch = 0
  readonly #known = new Map<string, FetchPart>()

  change(wanted: readonly FetchPart[]): Change {
    if (this.#epoch === 0) this.#known.clear()
    const parts: FetchPart[] = []
    for (const part of wanted) {
      const name = nameOf(part)
      if (this.#known.get(name)?.from === part.from) continue
      this.#known.set(name, part)
      parts.push(part)
    }
    return { id: this.#id, epoch: this.#epoch, parts, gone: this.#known.size > wanted.length ? this.#forget(wanted) : [] }
  }

  #forget(wanted: readonly FetchPart[]): FetchPart[] {
    const names = new Set(wanted.map(nameOf))
    const gone = [...this.#known].filter(([name]) => !names.has(name))
    for (const [name] of gone) this.#known.delete(name)
    return gone.map(([, part]) => part)
  }

  /** `code`: what was said of the whole request. Throws where that has nothing to do with the session. */
  answered(code: number, id: number): void {
    const asked = this.#epoch
    this.#epoch = 0
    if (code === 0) {
      this.#id = id
      if (id !== 0) this.#epoch = asked === lastEpoch ? 1 : asked + 1
      return
    }
    const forgotten = code === codes.FETCH_SESSION_ID_NOT_FOUND || code === codes.INVALID_FETCH_SESSION_EPOCH
    if (code === codes.FETCH_SESSION_ID_NOT_FOUND) this.#id = 0
    if (!forgotten || asked === 0) throw new KafkaFault(code, 'a fetch')
  }

  /** No answer came: whether the broker has heard what was told is not known. The next request ends this session and begins another. */
  lost(): void {
    this.#epoch = 0
  }
}
