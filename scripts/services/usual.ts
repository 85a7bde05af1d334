import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { install } from './install.ts'
import { end, launch } from './launch.ts'
import { freePorts, listens } from './ports.ts'
import { beginOf } from './process.ts'
import type { Recipe } from './recipe.ts'

export interface Status {
  readonly name: string
  readonly port: number
  readonly running: boolean
  /** Absent where nothing listens. `services`: `up` started it; `other`: it was there. */
  readonly by?: 'services' | 'other'
  readonly pid?: number
  readonly url: string
}

/** What `up` keeps in the folder of a server that it started. */
interface Started {
  readonly pid: number
  readonly begin: string
}

const folderOf = ({ name, port }: Recipe) => join(tmpdir(), `pabal-servers-${process.getuid?.() ?? 0}`, `${name}-${port}`)

/** The server on its usual port: used as it is where one listens, started otherwise. */
export async function up(recipe: Recipe, say: (text: string) => void): Promise<void> {
  const { name, port } = recipe
  if (await listens(port)) return say(`${name} listens on ${port} already`)
  const began = performance.now()
  await install(recipe, say)
  await down(recipe)
  const folder = folderOf(recipe)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const place = { folder, ports: [port, ...(await freePorts(recipe.ports - 1))], config: [], hasty: false }
  await recipe.prepare?.(place)
  say(`${name}: starting`)
  const { pid, release } = await launch(recipe, place)
  const begin = beginOf(pid)
  if (begin === undefined) {
    end(pid, 'SIGKILL')
    throw new Error(`${name} ended as soon as it listened, or this system has no /proc; its log is in ${folder}`)
  }
  writeFileSync(join(folder, 'started.json'), JSON.stringify({ pid, begin } satisfies Started))
  release()
  say(`${name} listens on ${port} after ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

/** Ends what `up` started, and removes its data. False where `up` did not start one, or it is gone. */
export async function down(recipe: Recipe): Promise<boolean> {
  const ours = startedByUs(recipe)
  if (ours === undefined) return false
  end(ours.pid, 'SIGKILL')
  while (beginOf(ours.pid) === ours.begin) await pause(20)
  rmSync(folderOf(recipe), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  return true
}

export async function status(recipe: Recipe): Promise<Status> {
  const { name, port } = recipe
  const url = recipe.url(port)
  const ours = startedByUs(recipe)
  if (!(await listens(port))) return { name, port, running: false, url }
  return ours === undefined
    ? { name, port, running: true, by: 'other', url }
    : { name, port, running: true, by: 'services', pid: ours.pid, url }
}

/** Only the very process: its number may be somebody else's by now. */
function startedByUs(recipe: Recipe): Started | undefined {
  const path = join(folderOf(recipe), 'started.json')
  if (!existsSync(path)) return undefined
  const started = JSON.parse(readFileSync(path, 'utf8')) as Started
  return beginOf(started.pid) === started.begin ? started : undefined
}
