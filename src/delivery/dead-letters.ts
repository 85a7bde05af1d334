import { PabalError } from '../errors.ts'
import { checkMessage } from '../message/limits.ts'
import type { Message } from '../message/message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Admin, ParkNote, Transport } from '../transport/seam.ts'
import { restored } from './dead-letter.ts'
import { Places } from './places.ts'
import { fitting, parkingLot, placeOf, type Waiting, type Where, type Which, waitingOf } from './waiting.ts'

/** How many messages are read at a time. */
const page = 100

/** What a person changes before a message is tried again. */
export interface Edit {
  readonly body?: Uint8Array | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface Treatment {
  /** Called for each message before it is redriven; undefined leaves it as it is. */
  readonly edit?: ((waiting: Waiting) => Edit | undefined | Promise<Edit | undefined>) | undefined
  /** Messages a second, at most. Default: no limit. */
  readonly rate?: number | undefined
  /** Does nothing to them, and counts and tells of each as if it were done. */
  readonly dryRun?: boolean | undefined
  /** Told after each message, and waited for. What it throws ends the treatment. */
  readonly progress?: ((result: Treated, waiting: Waiting) => void | Promise<void>) | undefined
}

export interface Treated {
  /** How many were treated. */
  readonly done: number
  /** How many were gone, or being handled, when their turn came. */
  readonly gone: number
}

/**
 * What a person does with dead letters, invalid messages and parked ones. Nothing is lost between two steps: each message
 * moves in one step of the transport's. Messages are treated in order, so that those of a key stay in order. Every call rejects
 * with `UNKNOWN_CHANNEL` where there is no such channel or group.
 */
export interface DeadLetters {
  /** What waits, in order, read page by page. Followers of a parked message are listed too, with `follows`. */
  list(where: Where, which?: Which): AsyncGenerator<Waiting, void, undefined>
  /** One message by its id, or undefined. */
  show(where: Where, id: string): Promise<Waiting | undefined>
  /**
   * Has messages handled again, attempts counted anew: dead letters and invalid messages as they were before, with their
   * old attributes, by way of the parking lot of their group; parked ones in their place, their followers after them.
   */
  redrive(where: Where, which?: Which, treatment?: Treatment): Promise<Treated>
  /** Parked ones: to the dead letters, so that their followers go on. */
  skip(where: Where, which?: Which, treatment?: Omit<Treatment, 'edit'>): Promise<Treated>
  /** Takes messages away for ever. */
  discard(where: Where, which?: Which, treatment?: Omit<Treatment, 'edit'>): Promise<Treated>
}

/** Throws `UNSUPPORTED` where the transport lets nobody look at what waits. */
export function deadLetters(transport: Transport, runtime: Runtime): DeadLetters {
  const { admin } = transport
  if (admin === undefined) {
    const hint = "Use the technology's own tools, or a transport with admin."
    throw new PabalError(
      'UNSUPPORTED',
      `The transport ${transport.name} does not declare admin, so that waiting messages cannot be listed or moved`,
      { hint },
    )
  }
  return new AdminDeadLetters(admin, runtime)
}

class AdminDeadLetters implements DeadLetters {
  readonly #admin: Admin
  readonly #places: Places
  readonly #runtime: Runtime

  constructor(admin: Admin, runtime: Runtime) {
    this.#admin = admin
    this.#places = new Places(admin)
    this.#runtime = runtime
  }

  async *list(where: Where, which: Which = {}): AsyncGenerator<Waiting, void, undefined> {
    const fits = fitting(which, this.#runtime.now())
    let left = which.limit ?? Number.POSITIVE_INFINITY
    for await (const waiting of this.#all(where)) {
      if (!fits(waiting.follows ? { ...waiting, follows: false } : waiting)) continue
      yield waiting
      if (--left <= 0) return
    }
  }

  async show(where: Where, id: string): Promise<Waiting | undefined> {
    for await (const waiting of this.#all(where)) if (waiting.message.id === id) return waiting
    return undefined
  }

  redrive(where: Where, which: Which = {}, treatment: Treatment = {}): Promise<Treated> {
    const from = placeOf(where)
    const lot = parkingLot(where.channel, where.group)
    return this.#treat(where, which, treatment, async (waiting) => {
      const edit = await treatment.edit?.(waiting)
      if (where.lot === 'parked')
        return this.#admin.amend(from, waiting.position, this.#order(waiting, 'redrive'), edit && edited(waiting.message, edit))
      const message = restored(waiting.message)
      const { code, reason } = waiting
      const note: ParkNote = { due: this.#runtime.now(), attempts: 0, code, reason, order: 'redrive' }
      return this.#admin.move(from, waiting.position, lot, note, edit ? edited(message, edit) : message)
    })
  }

  async skip(where: Where, which: Which = {}, treatment: Omit<Treatment, 'edit'> = {}): Promise<Treated> {
    if (where.lot !== 'parked')
      throw new PabalError(
        'INVALID_OPTION',
        `Only parked messages can be skipped, and the ${where.lot} ones of ${where.channel.address} were given: redrive or discard them`,
      )
    return this.#treat(where, which, treatment, (waiting) =>
      this.#admin.amend(placeOf(where), waiting.position, this.#order(waiting, 'skip')),
    )
  }

  discard(where: Where, which: Which = {}, treatment: Omit<Treatment, 'edit'> = {}): Promise<Treated> {
    return this.#treat(where, which, treatment, (waiting) => {
      // The shard's owner takes a parked one away, since it counts what is parked of a key.
      if (where.lot === 'parked') return this.#admin.amend(placeOf(where), waiting.position, this.#order(waiting, 'discard'))
      return this.#admin.discard(placeOf(where), waiting.position)
    })
  }

  #order({ note, code, reason, attempts }: Waiting, order: 'redrive' | 'skip' | 'discard'): ParkNote {
    return { ...(note ?? { code, reason, attempts }), due: this.#runtime.now(), order }
  }

  async #treat(
    where: Where,
    which: Which,
    { rate, progress, dryRun = false }: Treatment,
    treat: (waiting: Waiting) => Promise<boolean>,
  ): Promise<Treated> {
    const fits = fitting(which, this.#runtime.now())
    if (rate !== undefined && !(rate > 0))
      throw new PabalError('INVALID_OPTION', `The rate is ${String(rate)}: give messages a second, more than 0`)
    let result: Treated = { done: 0, gone: 0 }
    // A redriven message may be back here before the end is reached.
    const seen = new Set<string>()
    for await (const waiting of this.#all(where)) {
      const { id } = waiting.message
      if (seen.has(id) || !fits(waiting)) continue
      if (rate !== undefined && !dryRun && seen.size > 0) await this.#pause(1000 / rate)
      seen.add(id)
      const done = dryRun || (await treat(waiting))
      result = done ? { ...result, done: result.done + 1 } : { ...result, gone: result.gone + 1 }
      await progress?.(result, waiting)
      if (seen.size === which.limit) break
    }
    return result
  }

  async *#all(where: Where): AsyncGenerator<Waiting, void, undefined> {
    const place = placeOf(where)
    let after: string | undefined
    for (;;) {
      const stored = await this.#admin.browse(place, { limit: page, after })
      if (after === undefined && stored.length === 0) await this.#places.check(where)
      for (const each of stored) yield waitingOf(each)
      const last = stored.at(-1)
      if (last === undefined || stored.length < page) return
      after = last.position
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#runtime.timer(ms, resolve)
    })
  }
}

/** The message with the changes. Throws `INVALID_HEADER` or `MESSAGE_TOO_LARGE` where it could not travel. */
function edited(message: Message, { body = message.body, headers = message.headers }: Edit): Message {
  const changed = { ...message, body, headers }
  const fault = checkMessage(changed, Number.POSITIVE_INFINITY)
  if (fault !== undefined) throw fault
  return changed
}
