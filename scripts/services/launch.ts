import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { listens } from './ports.ts'
import type { Recipe, ServerPlace } from './recipe.ts'

/** A server that runs: the process id is that of its process group too. */
export interface Launched {
  readonly pid: number
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  /** Lets this process end before the server does. */
  release(): void
}

/** Starts a server in a process group of its own, its output in `server.log`, and waits until it listens. */
export async function launch(recipe: Recipe, place: ServerPlace): Promise<Launched> {
  const { file, args, env } = recipe.run(place)
  const [port] = place.ports as [number]
  const path = join(place.folder, 'server.log')
  const log = openSync(path, 'a')
  const child = spawn(file, args, {
    cwd: place.folder,
    detached: true,
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  let failed: Error | undefined
  let over = false
  const ended = new Promise<void>((resolve) => {
    const end = (error?: Error) => {
      failed = error
      over = true
      resolve()
    }
    child.once('error', end)
    child.once('exit', () => end())
  })
  const deadline = performance.now() + recipe.patience * 1000
  while (!(await listens(port))) {
    if (failed !== undefined) throw new Error(`${recipe.name} cannot be run: ${failed.message}`)
    if (over) throw new Error(`${recipe.name} ended before it listened on port ${port}:\n${tail(path)}`)
    if (performance.now() > deadline) {
      end(child.pid as number, 'SIGKILL')
      throw new Error(`${recipe.name} does not listen on port ${port} after ${recipe.patience} s:\n${tail(path)}`)
    }
    await pause(50)
  }
  return { pid: child.pid as number, ended, release: () => child.unref() }
}

/** Sends a signal to a process group; nothing where it is gone. */
export function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const tail = (path: string): string => readFileSync(path, 'utf8').trim().split('\n').slice(-20).join('\n')
