import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const main = fileURLToPath(new URL('../../examples/ftgo/main.ts', import.meta.url))

export interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly left: readonly string[]
}

/** Runs the demo as a person would. Its temporary folder is ours, so that what it leaves behind is seen. */
export async function demo(args: readonly string[], hear?: (text: string, interrupt: () => void) => void): Promise<Run> {
  const home = mkdtempSync(join(tmpdir(), 'demo-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, TMPDIR: home, NO_COLOR: '1' } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  const listen = (text: string): void => hear?.(text, () => void child.kill('SIGINT'))
  child.stdout.on('data', (text: Buffer) => {
    out += text.toString()
    listen(out)
  })
  child.stderr.on('data', (text: Buffer) => {
    err += text.toString()
    listen(err)
  })
  const code = await new Promise<number | null>((settle) => child.once('close', settle))
  return { code, out, err, left: readdirSync(home) }
}

export const lastObject = ({ out, err, code }: Run) => {
  const line = out.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`No object (exit code ${code}): ${out}${err}`)
  return JSON.parse(line) as {
    orders: number
    finalStates: Record<string, number>
    lost: number
    duplicated: number
    kills: number
    brokerKills?: number
    messages: Record<string, number>
    latencyMs: { p50: number; p99: number }
    seed: number
  }
}
