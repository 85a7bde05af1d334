import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Place, type ServiceName, serviceNames } from './place.ts'

const script = fileURLToPath(new URL('../service.ts', import.meta.url))
/** So many deaths in a row before it was ready, and nobody's chaos: the service cannot run. */
const hopeless = 3

interface Running {
  child: ChildProcess
  ready: Promise<void>
  isReady: boolean
}

/** A service does not start: what it said. */
export class CannotRun extends Error {}

/** Runs each service in a process of its own, and starts again whatever dies. */
export class Supervisor {
  readonly #place: Place
  readonly #say: (text: string) => void
  readonly #running = new Map<ServiceName, Running>()
  readonly #failures = new Map<ServiceName, number>()
  #stopping = false
  #giveUp: (error: CannotRun) => void = () => undefined
  /** Rejects when a service cannot run; never resolves. */
  readonly failed: Promise<never>
  kills = 0

  constructor(place: Place, say: (text: string) => void) {
    this.#place = place
    this.#say = say
    this.failed = new Promise((_, fail) => {
      this.#giveUp = fail
    })
    this.failed.catch(() => undefined)
  }

  async start(): Promise<void> {
    for (const name of serviceNames) this.#launch(name)
    await Promise.race([Promise.all(serviceNames.map((name) => this.whenReady(name))), this.failed])
  }

  /** Resolves when the service works, also where it has to be started again first. */
  async whenReady(name: ServiceName): Promise<void> {
    for (let known = this.#running.get(name); known !== undefined && !known.isReady; known = this.#running.get(name)) await known.ready
  }

  kill(name: ServiceName): void {
    this.kills++
    this.#failures.set(name, 0)
    this.#running.get(name)?.child.kill('SIGKILL')
  }

  /** Asks every service to finish what it is doing; ends those that do not within ten seconds. */
  async stop(): Promise<void> {
    this.#stopping = true
    const children = [...this.#running.values()]
      .map(({ child }) => child)
      .filter((child) => child.exitCode === null && child.signalCode === null)
    const ends = children.map((child) => new Promise<void>((settle) => child.once('exit', () => settle())))
    for (const child of children) child.kill('SIGTERM')
    const timer = setTimeout(() => this.abandon(), 10_000)
    await Promise.all(ends)
    clearTimeout(timer)
  }

  /** Ends everything at once. */
  abandon(): void {
    this.#stopping = true
    for (const { child } of this.#running.values()) child.kill('SIGKILL')
  }

  #launch(name: ServiceName): void {
    const args = ['--disable-warning=ExperimentalWarning', script, name, JSON.stringify(this.#place)]
    const child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    let said = ''
    const hear = (text: Buffer): void => {
      said = (said + text.toString()).slice(-4000)
      appendFileSync(join(this.#place.folder, `${name}.log`), text)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    let settle: () => void = () => undefined
    const running: Running = {
      child,
      isReady: false,
      ready: new Promise((resolve) => {
        settle = resolve
      }),
    }
    this.#running.set(name, running)
    child.once('message', () => {
      running.isReady = true
      this.#failures.set(name, 0)
      settle()
    })
    child.once('exit', (code, signal) => {
      if (this.#stopping) return settle()
      const failures = (this.#failures.get(name) ?? 0) + (running.isReady || signal === 'SIGKILL' ? 0 : 1)
      this.#failures.set(name, failures)
      if (failures >= hopeless)
        return this.#giveUp(new CannotRun(`The ${name} service does not start (${signal ?? `exit code ${code}`}):\n${said}`))
      this.#say(
        signal === 'SIGKILL'
          ? `${name} was killed; starting it again`
          : `${name} ended (${signal ?? `exit code ${code}`}); starting it again`,
      )
      this.#launch(name)
      settle()
    })
  }
}
