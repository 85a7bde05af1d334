import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install } from './install.ts'
import { kafka } from './kafka.ts'
import { end, type Launched, launch } from './launch.ts'
import { nats } from './nats.ts'
import { freePorts, listens } from './ports.ts'
import { rabbitmq } from './rabbitmq.ts'
import type { Recipe, ServerPlace } from './recipe.ts'

export interface ThrowawayOptions {
  /** Lines for the server's own configuration file (`rabbitmq.conf`, `server.properties`). */
  readonly config?: readonly string[]
  readonly say?: (text: string) => void
}

/** A server of one's own, on a free port of loopback, with its data in a temporary folder: for what may be killed. */
export class Throwaway {
  readonly url: string
  readonly port: number
  /** Where it keeps everything, `server.log` too. */
  readonly folder: string
  readonly #recipe: Recipe
  readonly #place: ServerPlace
  readonly #guard: ReturnType<typeof guard>
  #running: Launched | undefined

  private constructor(recipe: Recipe, place: ServerPlace) {
    this.#recipe = recipe
    this.#place = place
    this.folder = place.folder
    this.port = place.ports[0] as number
    this.url = recipe.url(this.port)
    this.#guard = guard(place.folder)
  }

  static async start(recipe: Recipe, { config = [], say = () => {} }: ThrowawayOptions = {}): Promise<Throwaway> {
    await install(recipe, say)
    const folder = mkdtempSync(join(tmpdir(), `pabal-${recipe.name}-`))
    const server = new Throwaway(recipe, { folder, ports: await freePorts(recipe.ports), config, hasty: true })
    try {
      await recipe.prepare?.(server.#place)
      await server.restart()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  /** Of the process, whose group has the same id. Undefined while it is down. */
  get pid(): number | undefined {
    return this.#running?.pid
  }

  /** SIGKILL; resolves when it is gone. Its data stays. */
  async kill(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    end(running.pid, 'SIGKILL')
    await running.ended
    rmSync(pidFile(this.#place.folder), { force: true })
    // what the group's leader left behind may hold the port for a moment
    while (await listens(this.port));
  }

  /** Kills it where it runs, and starts it again on the same data and port; resolves when it listens. */
  async restart(): Promise<void> {
    await this.kill()
    this.#running = await launch(this.#recipe, this.#place)
    writeFileSync(pidFile(this.#place.folder), String(this.#running.pid))
  }

  /** Freezes it: connections stay, nothing is answered. */
  freeze(): void {
    if (this.#running !== undefined) end(this.#running.pid, 'SIGSTOP')
  }

  thaw(): void {
    if (this.#running !== undefined) end(this.#running.pid, 'SIGCONT')
  }

  /** Ends it, and removes what it kept. Idempotent. */
  async stop(): Promise<void> {
    await this.kill()
    this.#guard.kill('SIGKILL')
    rmSync(this.#place.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

const pidFile = (folder: string) => join(folder, 'pid')

/** Ends the server and removes its folder when this process is gone, however it went: its end of the pipe closes then. */
function guard(folder: string) {
  const script = `cat >/dev/null; if [ -e "$1/pid" ]; then kill -9 "-$(cat "$1/pid")"; sleep 1; fi; rm -rf "$1"`
  const child = spawn('sh', ['-c', script, 'sh', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  return child
}

export const startRabbit = (options?: ThrowawayOptions): Promise<Throwaway> => Throwaway.start(rabbitmq, options)
export const startKafka = (options?: ThrowawayOptions): Promise<Throwaway> => Throwaway.start(kafka, options)
export const startNats = (options?: ThrowawayOptions): Promise<Throwaway> => Throwaway.start(nats, options)
