import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system.ts'

/** Where a command writes. */
export interface Output {
  write(text: string): void
  readonly tty: boolean
  /** Of a terminal; elsewhere lines may be as long as they are. */
  readonly columns: number
  readonly colours: boolean
}

/** What surrounds a command: the process it runs in, or a test. */
export interface Shell {
  readonly out: Output
  readonly err: Output
  readonly input: {
    readonly tty: boolean
    /** Everything that is piped in. */
    bytes(): Promise<Buffer>
    /** One line; undefined where the input ends. */
    line(): Promise<string | undefined>
  }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly runtime: Runtime
  /** Aborted when a person ends the command. */
  readonly ended: AbortSignal
  /** Lets a person edit a file; resolves with the editor's exit code. */
  edit(editor: string, file: string): Promise<number>
}

/** The shell of this process. */
export function systemShell(ended: AbortSignal): Shell {
  return {
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    input: {
      get tty() {
        return process.stdin.isTTY === true
      },
      bytes: async () => {
        const chunks: Buffer[] = []
        for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
        return Buffer.concat(chunks)
      },
      line: readLine,
    },
    env: process.env,
    cwd: process.cwd(),
    runtime: systemRuntime,
    ended,
    edit: (editor, file) =>
      new Promise((resolve, reject) => {
        // The editor may have arguments of its own (`code --wait`); the file's name is never read by a shell.
        const [command, args] = process.platform === 'win32' ? [editor, [file]] : ['/bin/sh', ['-c', `exec ${editor} "$1"`, 'sh', file]]
        const child = spawn(command as string, args as string[], { stdio: 'inherit' })
        child.once('error', reject)
        child.once('close', (code) => resolve(code ?? 1))
      }),
  }
}

function outputOf(stream: NodeJS.WriteStream): Output {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  const tty = stream.isTTY === true
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '0' && FORCE_COLOR !== ''
  return {
    tty,
    colours: !NO_COLOR && (forced || (tty && TERM !== 'dumb')),
    get columns() {
      return tty ? stream.columns || 80 : Number.POSITIVE_INFINITY
    },
    write: (text) => void stream.write(text),
  }
}

function readLine(): Promise<string | undefined> {
  const reader = createInterface({ input: process.stdin })
  return new Promise((resolve) => {
    reader.once('line', (line) => {
      resolve(line)
      reader.close()
    })
    reader.once('close', () => resolve(undefined))
  })
}

/** Waits; ends early where a person ends the command. */
export function sleep(shell: Shell, ms: number, also?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const signals = [shell.ended, ...(also === undefined ? [] : [also])]
    const end = (): void => {
      timer.cancel()
      for (const signal of signals) signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = shell.runtime.timer(ms, end)
    for (const signal of signals) signal.addEventListener('abort', end)
    if (signals.some((signal) => signal.aborted)) end()
  })
}
