import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/**
 * What a process spends from the first measured message on, for whoever works on it. BENCH_CPU=1: the CPU time of a message, which a
 * noisy machine disturbs less than rates. BENCH_PROFILE=FOLDER: also a profile of the same span.
 */
export class OwnCost {
  readonly #name: string
  readonly #folder = process.env.BENCH_PROFILE
  #before = process.cpuUsage()
  #session: Session | undefined

  constructor(name: string) {
    this.#name = name
  }

  begin(): void {
    this.#before = process.cpuUsage()
    if (this.#folder === undefined) return
    const session = new Session()
    session.connect()
    this.#session = session
    void session.post('Profiler.enable')
    void session.post('Profiler.setSamplingInterval', { interval: 200 })
    void session.post('Profiler.start')
  }

  async end(messages: number): Promise<void> {
    const { user, system } = process.cpuUsage(this.#before)
    if (process.env.BENCH_CPU) console.error(`  ${this.#name}: ${((user + system) / messages).toFixed(1)} µs of CPU a message`)
    if (this.#session === undefined) return
    const { profile } = await this.#session.post('Profiler.stop')
    writeFileSync(`${this.#folder}/${this.#name}-${process.pid}.cpuprofile`, JSON.stringify(profile))
  }
}
