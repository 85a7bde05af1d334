import { join } from 'node:path'
import { run } from '../../src/cli/frame/run.ts'
import type { Output, Shell } from '../../src/cli/frame/shell.ts'
import { pabal } from '../../src/cli/pabal.ts'
import { systemRuntime } from '../../src/runtime/system.ts'

/** What surrounds a command in a test. */
export interface Around {
  /** The width of a terminal; without one nothing is a terminal. */
  readonly columns?: number
  readonly input?: string | Buffer
  /** What a person answers. */
  readonly answer?: string
  readonly env?: Readonly<Record<string, string>>
  /** Changes the file that an editor is given. */
  readonly editor?: (file: string) => number | Promise<number>
  readonly ended?: AbortSignal
  /** Told of everything that is written so far. */
  readonly wrote?: (out: string, err: string) => void
}

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

export const folder = import.meta.dirname
export const contract = join(folder, 'contracts/kitchen.contract.ts')

/** Runs a command in this process, as the shell would. */
export async function cli(args: readonly string[], around: Around = {}): Promise<Ended> {
  const tty = around.columns !== undefined
  const written = { out: '', err: '' }
  const output = (name: 'out' | 'err'): Output => ({
    tty,
    columns: around.columns ?? Number.POSITIVE_INFINITY,
    colours: false,
    write: (text) => {
      written[name] += text
      around.wrote?.(written.out, written.err)
    },
  })
  const shell: Shell = {
    out: output('out'),
    err: output('err'),
    input: {
      tty: tty && around.input === undefined,
      bytes: async () => Buffer.from(around.input ?? ''),
      line: async () => around.answer,
    },
    env: around.env ?? {},
    cwd: folder,
    runtime: systemRuntime,
    ended: around.ended ?? new AbortController().signal,
    edit: async (_, file) => (await around.editor?.(file)) ?? 0,
  }
  const code = await run(pabal, args, shell, () => '1.2.3')
  return { code, ...written }
}

/** `pabal listen`, from the moment at which whatever is published comes. */
export async function listen(args: readonly string[], ended?: AbortSignal): Promise<{ readonly ended: Promise<Ended> }> {
  return new Promise((resolve) => {
    const running = cli(['listen', ...args], {
      ...(ended !== undefined && { ended }),
      wrote: (_, err) => {
        if (err.includes('Listening to')) resolve({ ended: running })
      },
    })
    // Where it never comes so far.
    void running.then(() => resolve({ ended: running }))
  })
}

export const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')
export const values = <T = Record<string, unknown>>(text: string): T[] => lines(text).map((line) => JSON.parse(line) as T)
