import pc from 'picocolors'
import type { Tracker } from './tracker.ts'

/** Tells how it goes: one line that is drawn anew on a terminal, a line a second elsewhere. */
export class Progress {
  readonly #out: NodeJS.WriteStream
  readonly #tracker: Tracker
  readonly #total: number
  readonly #kills: () => number
  #timer: NodeJS.Timeout | undefined
  #last = ''

  constructor(out: NodeJS.WriteStream, tracker: Tracker, total: number, kills: () => number) {
    this.#out = out
    this.#tracker = tracker
    this.#total = total
    this.#kills = kills
  }

  start(): void {
    this.#timer = setInterval(() => this.#draw(), this.#out.isTTY ? 100 : 1000)
  }

  /** Something worth a line of its own. */
  say(text: string): void {
    this.#out.write(`${this.#out.isTTY ? '\r\x1b[K' : ''}${text}\n`)
    if (this.#timer !== undefined && this.#out.isTTY) this.#write(this.#last)
  }

  stop(): void {
    clearInterval(this.#timer)
    if (this.#timer !== undefined) {
      this.#draw()
      if (this.#out.isTTY) this.#out.write('\n')
    }
    this.#timer = undefined
  }

  #draw(): void {
    const { placed, approved, rejected, open } = this.#tracker
    const kills = this.#kills()
    const parts = [
      `${placed}/${this.#total} placed`,
      pc.green(`${approved} approved`),
      pc.yellow(`${rejected} rejected`),
      `${open} under way`,
    ]
    if (kills > 0) parts.push(pc.red(`${kills} killed`))
    // A line that wraps could not be drawn anew.
    const roomy = !this.#out.isTTY || this.#out.columns >= 100
    const line = `${roomy ? `${bar(placed - open, this.#total)} ` : ''}${parts.join(' · ')}`
    if (line === this.#last) return
    this.#last = line
    if (this.#out.isTTY) this.#write(line)
    else this.#out.write(`${line}\n`)
  }

  #write(line: string): void {
    this.#out.write(`\r\x1b[K${line}`)
  }
}

function bar(done: number, total: number): string {
  const width = 20
  const full = total === 0 ? width : Math.round((done / total) * width)
  return '█'.repeat(full) + pc.dim('░'.repeat(width - full))
}
