import { readFileSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/**
 * What a process spends from the first measured message on to the end of the first round, for whoever works on it. BENCH_CPU=1: the CPU time of a message, which a
 * noisy machine disturbs less than rates. BENCH_SERVER=PID: also that of the server. BENCH_PROFILE=FOLDER: also a profile of the same span.
 */
export class OwnCost {
  readonly #name: string
  readonly #folder = process.env.BENCH_PROFILE
  #before = process.cpuUsage()
  #server = 0
  #session: Session | undefined
  #ended = false

  constructor(name: string) {
    this.#name = name
  }

  begin(): void {
    this.#before = process.cpuUsage()
    this.#server = serverTime()
    if (this.#folder === undefined) return
    const session = new Session()
    session.connect()
    this.#session = session
    void session.post('Profiler.enable')
    void session.post('Profiler.setSamplingInterval', { interval: 200 })
    void session.post('Profiler.start')
  }

  /** After the first round; those that follow are not looked at. */
  async end(messages: number): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const { user, system } = process.cpuUsage(this.#before)
    const server = process.env.BENCH_SERVER ? `, the server ${((serverTime() - this.#server) / messages).toFixed(1)}` : ''
    if (process.env.BENCH_CPU) console.error(`  ${this.#name}: ${((user + system) / messages).toFixed(1)} µs of CPU a message${server}`)
    if (this.#session === undefined) return
    const { profile } = await this.#session.post('Profiler.stop')
    writeFileSync(`${this.#folder}/${this.#name}-${process.pid}.cpuprofile`, JSON.stringify(profile))
  }
}

/** Microseconds of CPU time that the server took so far; Linux counts it in hundredths of a second. */
function serverTime(): number {
  const pid = process.env.BENCH_SERVER
  if (pid === undefined) return 0
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
