import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'

/** A file to which whole lines of JSON are appended, each in one write, so that a killed process leaves no half lines. */
export class LineFile {
  readonly path: string
  readonly #fd: number

  constructor(path: string) {
    this.path = path
    this.#fd = openSync(path, 'a')
  }

  append(line: object): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`)
  }

  /** On the disk, not only in the kernel, when this returns. */
  appendSafely(line: object): void {
    this.append(line)
    fsyncSync(this.#fd)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** Every line of such a file; none where there is no file. */
export function readLines<Line>(path: string): Line[] {
  return readText(path)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

/** What stands in a file; nothing where there is none. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
