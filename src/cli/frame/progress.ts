import { paintFor } from '../view/paint.ts'
import type { Shell } from './shell.ts'

/** A bar on the terminal, on the error output so that results stay clean; nothing elsewhere. */
export class Progress {
  readonly #shell: Shell
  readonly #label: string
  readonly #total: number
  readonly #since: number
  #shown = Number.NEGATIVE_INFINITY

  constructor(shell: Shell, label: string, total: number) {
    this.#shell = shell
    this.#label = label
    this.#total = total
    this.#since = shell.runtime.monotonic()
  }

  at(done: number): void {
    const { err, runtime } = this.#shell
    const now = runtime.monotonic()
    if (!err.tty || (now - this.#shown < 100 && done < this.#total)) return
    this.#shown = now
    const rate = Math.round((done * 1000) / Math.max(1, now - this.#since))
    const text = ` ${done.toLocaleString('en')}/${this.#total.toLocaleString('en')} ${rate.toLocaleString('en')}/s`
    const cells = Math.max(0, Math.min(30, err.columns - this.#label.length - text.length - 4))
    const full = Math.round((cells * Math.min(done, this.#total)) / Math.max(1, this.#total))
    const paint = paintFor(err)
    err.write(`\r${this.#label} ${paint.green('━'.repeat(full))}${paint.dim('─'.repeat(cells - full))}${text}\u001b[K`)
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#shell.err.tty && this.#shown > Number.NEGATIVE_INFINITY) this.#shell.err.write('\r\u001b[K')
  }
}
