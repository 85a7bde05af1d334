import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './source.ts'

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Running {
  /** Resolves when it has written something to its standard output, or ended. */
  readonly spoke: Promise<unknown>
  readonly ended: Promise<Ran>
  stop(): void
}

/** Starts a script on this very Node. Killed after `ms`, which its code (null) tells. */
export function start(args: readonly string[], cwd: string, ms = 100_000): Running {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined } })
  const timer = setTimeout(() => child.kill('SIGKILL'), ms)
  let out = ''
  let err = ''
  child.stdout.on('data', (text) => (out += text))
  child.stderr.on('data', (text) => (err += text))
  const ended = new Promise<Ran>((settle) =>
    child.once('close', (code) => {
      clearTimeout(timer)
      settle({ code, out, err })
    }),
  )
  const spoke = Promise.race([new Promise((settle) => child.stdout.once('data', settle)), ended])
  return { spoke, ended, stop: () => void child.kill('SIGTERM') }
}

export const run = (args: readonly string[], cwd = root, ms?: number): Promise<Ran> => start(args, cwd, ms).ended

/** A folder inside the repository, so that code in it finds the package by its own name. */
export function workFolder(name: string): { path: string; remove(): void } {
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const path = mkdtempSync(join(root, '.tmp', `${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
