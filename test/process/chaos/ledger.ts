import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Lines in a file that outlives its writer: one write a call, at the end of the file, whoever else writes. */
export class Ledger {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  append(lines: readonly string[], sync = false): void {
    writeSync(this.#file, lines.map((line) => `${line}\n`).join(''))
    if (sync) fsyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Whole lines only: a writer may have been killed in the middle of the last one. */
export function readLedger(path: string): string[][] {
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
}
