import type { Treated, Treatment } from '../../delivery/dead-letters.ts'
import type { Waiting } from '../../delivery/waiting.ts'
import type { App } from '../../service/app.ts'
import type { Lot, LotPlace, ParkingLot } from '../../service/lots.ts'
import { exit, Interrupted } from '../frame/exit.ts'
import { Progress } from '../frame/progress.ts'
import type { Shell } from '../frame/shell.ts'
import { paintFor } from '../view/paint.ts'
import { counted } from '../view/text.ts'
import type { Selection } from './filters.ts'
import type { Kind } from './kinds.ts'
import { rowsTable } from './look.ts'
import { lotOf, placeText } from './places.ts'

/** What is done to messages that wait. */
export interface Act {
  readonly name: 'redrive' | 'edit' | 'skip' | 'discard'
  readonly summary: (kind: Kind) => string
  readonly about: string
  readonly doing: string
  readonly done: string
  /** Whether doing it to several at once must be confirmed. */
  readonly asks: boolean
}

/** How many of the messages a dry run shows. */
const shown = 20

/** One act on a selection: first as a plan, then for good. */
export class Work {
  readonly #app: App
  readonly #kind: Kind
  readonly #act: Act
  readonly #selection: Selection
  readonly #limit: number
  readonly first: { place: LotPlace; waiting: Waiting }[] = []
  #planned = 0
  readonly #places = new Set<string>()

  constructor(app: App, kind: Kind, act: Act, selection: Selection, limit: number | undefined) {
    this.#app = app
    this.#kind = kind
    this.#act = act
    this.#selection = selection
    this.#limit = limit ?? Number.POSITIVE_INFINITY
  }

  /** The channels concerned, for people. */
  get where(): string {
    const all = [...this.#places]
    return all.length <= 3 ? all.join(', ') : `${all.slice(0, 2).join(', ')} and ${all.length - 2} more channels`
  }

  /** Counts, and lets each be looked at before anything is done. */
  async plan(look: (waiting: Waiting) => Promise<void>): Promise<number> {
    const { done } = await this.#each({ dryRun: true }, async (place, _, waiting) => {
      await look(waiting)
      this.#places.add(placeText(place))
      if (this.first.length < shown) this.first.push({ place, waiting })
    })
    this.#planned = done
    return done
  }

  tell(shell: Shell, json: boolean): number {
    const { one, many, name } = this.#kind
    if (json) {
      shell.out.write(`${JSON.stringify({ action: this.#act.name, matched: this.#planned, done: 0, gone: 0, dryRun: true })}\n`)
      return exit.done
    }
    shell.out.write(`${rowsTable(this.first, shell, name === 'parked')}\n`)
    const left = this.#planned - this.first.length
    const more = left > 0 ? ` (${left.toLocaleString('en')} more are not shown)` : ''
    shell.out.write(
      `${paintFor(shell.out).bold(`Would ${this.#act.name} ${counted(this.#planned, one, many)} of ${this.where}`)}${more}. Nothing was done.\n`,
    )
    return exit.done
  }

  async carryOut(shell: Shell, json: boolean, perSecond: number | undefined, edit: Treatment['edit']): Promise<number> {
    const bar = new Progress(shell, this.#act.doing, this.#planned)
    let treated: Treated = { done: 0, gone: 0 }
    const result = (): string => JSON.stringify({ action: this.#act.name, matched: this.#planned, ...treated, dryRun: false })
    try {
      await this.#each({ rate: perSecond, edit }, async (_, so) => {
        treated = so
        bar.at(so.done + so.gone)
        if (shell.ended.aborted) throw new Interrupted()
      })
    } catch (error) {
      bar.end()
      const so = `${this.#act.done} ${treated.done.toLocaleString('en')} of ${counted(this.#planned, this.#kind.one, this.#kind.many)}`
      if (error instanceof Interrupted) throw new Interrupted(`Stopped. ${so}; the others are as they were.`)
      shell.err.write(`${so}, then:\n`)
      throw error
    }
    bar.end()
    if (json) shell.out.write(`${result()}\n`)
    else shell.out.write(await this.#summary(treated))
    return treated.done === 0 && treated.gone > 0 ? exit.failed : exit.done
  }

  async #summary({ done, gone }: Treated): Promise<string> {
    const { one, many, name } = this.#kind
    const lines = [`${this.#act.done} ${counted(done, one, many)} of ${this.where}.`]
    if (gone > 0) lines.push(`${gone.toLocaleString('en')} were gone, or were being handled, when their turn came.`)
    const waits = this.#act.name === 'redrive' || this.#act.name === 'edit' || name === 'parked'
    const idle = waits && done > 0 ? await this.#unread() : []
    if (idle.length > 0) lines.push(`Nobody reads ${idle.join(', ')} now: it is carried out when the service runs again.`)
    return `${lines.join('\n')}\n`
  }

  /** The places whose consumers do not run. */
  async #unread(): Promise<string[]> {
    const depths = await this.#app.channels()
    return depths
      .filter(({ owners }) => Object.keys(owners).length === 0)
      .map(({ channel, group }) => placeText({ channel: channel.address, group }))
      .filter((place) => this.#places.has(place))
  }

  async #each(treatment: Treatment, told: (place: LotPlace, so: Treated, waiting: Waiting) => Promise<void>): Promise<Treated> {
    const lot = lotOf(this.#app, this.#kind.name)
    const { name } = this.#act
    let total: Treated = { done: 0, gone: 0 }
    for (const { place, which } of this.#selection.chosen) {
      const left = this.#limit - total.done - total.gone
      if (left <= 0) break
      const before = total
      const sum = ({ done, gone }: Treated): Treated => ({ done: before.done + done, gone: before.gone + gone })
      const progress = (so: Treated, waiting: Waiting): Promise<void> => told(place, sum(so), waiting)
      const some = { ...which, limit: Number.isFinite(left) ? left : undefined }
      total = sum(await treat(lot, name, place, some, { ...treatment, progress }))
    }
    return total
  }
}

function treat(
  lot: Lot | ParkingLot,
  name: Act['name'],
  place: LotPlace,
  which: Parameters<Lot['redrive']>[1],
  treatment: Treatment,
): Promise<Treated> {
  if (name === 'redrive' || name === 'edit') return lot.redrive(place, which, treatment)
  const { edit: _, ...plain } = treatment
  return name === 'skip' ? (lot as ParkingLot).skip(place, which, plain) : lot.discard(place, which, plain)
}
