import { readFrame } from '../../message/frame.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { StoreClient } from './client.ts'
import { asBuffer } from './db/pack.ts'
import { Entry, type OwnedShard } from './owned-shard.ts'
import type { HeadRow } from './protocol.ts'

/** How many heads are looked at together. */
const many = 200
/** So long it is not looked whether others became due, while one suspect follows the other; in milliseconds. */
const fresh = 10

export interface LotsEnvironment {
  readonly store: StoreClient
  readonly runtime: Runtime
  readonly owned: ReadonlyMap<number, OwnedShard>
  group(): number
  /** How many messages may be handed out now, and whether a suspect is out. */
  room(): { readonly messages: number; readonly suspectOut: boolean }
  stopped(): boolean
  /** Resolves when what was settled is written: it would be found again otherwise. */
  written(): Promise<void>
  hand(entry: Entry): void
  failed(error: unknown): void
}

/** The parking lots of the shards that this process owns: hands out the heads of keys when they are due. */
export class Lots {
  readonly #env: LotsEnvironment
  #reviewing = false
  #again = false
  #timer: Timer | undefined
  /** Due when they were last looked at: suspects come one at a time, and each would have to be looked for. */
  #suspects: HeadRow[] = []
  #askedAt = 0

  constructor(env: LotsEnvironment) {
    this.#env = env
  }

  /** Hands out what is parked and due. Cheap where nothing is parked. */
  review(): void {
    if (this.#reviewing) {
      this.#again = true
      return
    }
    if (this.#env.stopped() || !this.#parked().length) return
    this.#reviewing = true
    void this.#lookThrough()
      .catch((error: unknown) => this.#env.failed(error))
      .finally(() => {
        this.#reviewing = false
        if (!this.#again) return
        this.#again = false
        this.review()
      })
  }

  #parked(): readonly OwnedShard[] {
    return [...this.#env.owned.values()].filter((shard) => shard.hasParked && !shard.revoking)
  }

  async #lookThrough(): Promise<void> {
    const { store, runtime, owned, group, stopped, hand, written } = this.#env
    await written()
    const parked = this.#parked()
    if (parked.length === 0) return
    let chosen: HeadRow[] = []
    if (this.#suspects.length > 0 && runtime.monotonic() - this.#askedAt < fresh) chosen = this.#choose(this.#suspects).chosen
    const known = chosen.length > 0
    if (!known) chosen = await this.#ask(parked)
    if (chosen.length === 0 || stopped()) return
    const ids = chosen.map(({ pos, sub, shard }) => ({ pos, sub, shard, epoch: (owned.get(shard) as OwnedShard).epoch }))
    const shardOf = new Map(chosen.map((head) => [`${head.pos}.${head.sub}`, head.shard]))
    const taken = await store.call('take', { group: group(), ids })
    // What was known is not so any more: nothing is out that would lead to the next look.
    if (known && taken.length < chosen.length) this.#again = true
    for (const { pos, sub, frame, note, lost } of taken) {
      const shard = owned.get(shardOf.get(`${pos}.${sub}`) as number)
      // One that is being given up takes it along: in the store it is in its lot again with the shard's release.
      if (shard === undefined || shard.revoking || stopped()) continue
      hand(new Entry(shard, readFrame(asBuffer(frame), 0), pos, sub, frame.byteLength, note, lost))
    }
  }

  /** Those that the store knows and that may be handed out now; for the next of the others a timer is set. */
  async #ask(parked: readonly OwnedShard[]): Promise<HeadRow[]> {
    const { store, runtime, owned, group } = this.#env
    const before = new Map(parked.map((shard) => [shard.index, shard.parks]))
    for (const shard of parked) shard.asking()
    const { heads, empty } = await store.call('heads', { group: group(), shards: [...before.keys()], limit: many })
    for (const index of empty) owned.get(index)?.emptied(before.get(index) as number)
    this.#askedAt = runtime.monotonic()
    const { chosen, soonest } = this.#choose(heads)
    this.#timer?.cancel()
    this.#timer =
      soonest === Number.POSITIVE_INFINITY
        ? undefined
        : runtime.timer(Math.max(0, Math.ceil(soonest - runtime.now())), () => this.review(), true)
    return chosen
  }

  /** Those that may be handed out now, and when the next of the others is due. */
  #choose(heads: readonly HeadRow[]): { chosen: HeadRow[]; soonest: number } {
    const { runtime, owned, room } = this.#env
    const now = runtime.now()
    let { messages, suspectOut } = room()
    let soonest = Number.POSITIVE_INFINITY
    const chosen: HeadRow[] = []
    const suspects: HeadRow[] = []
    for (const head of heads) {
      if ((head.due as number) > now) {
        soonest = Math.min(soonest, head.due as number)
        continue
      }
      const shard = owned.get(head.shard)
      if (shard === undefined || shard.revoking || messages <= 0) continue
      // Not before what was sent earlier: it must have been read, and be settled. And one suspect at a time.
      if (shard.read < head.pos || shard.isBehind(head.key, head.pos)) continue
      if (head.suspect && suspectOut) {
        suspects.push(head)
        continue
      }
      suspectOut ||= head.suspect
      messages--
      chosen.push(head)
    }
    this.#suspects = suspects
    return { chosen, soonest }
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
