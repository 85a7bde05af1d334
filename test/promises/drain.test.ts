import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type App, connect } from '../../src/index.ts'
import { pause } from '../service/apps.ts'
import { Load } from './worker.ts'

/** Real processes on one file, told to end while they work. */
interface Process {
  readonly ended: Promise<number | null>
  out(): string
  end(): void
}

function scene(): {
  readonly url: string
  readonly folder: string
  start(journal: string, longest: string, drain?: string): Promise<Process>
} {
  const folder = mkdtempSync(join(tmpdir(), 'pabal-drain-'))
  const url = `sqlite:${join(folder, 'store.db')}`
  const all: { kill(): void; ended: Promise<unknown> }[] = []
  onTestFinished(async () => {
    for (const each of all) each.kill()
    await Promise.all(all.map(({ ended }) => ended))
    rmSync(folder, { recursive: true, force: true })
  })
  const start = async (journal: string, longest: string, drain = '5s'): Promise<Process> => {
    const file = new URL('./worker.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--no-warnings', file, url, join(folder, journal), longest, drain])
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    all.push({ kill: () => void child.kill('SIGKILL'), ended })
    let out = ''
    child.stderr.on('data', (data) => (out += data))
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (data) => {
        out += data
        if (out.includes('open')) resolve()
      })
      child.on('close', () => reject(new Error(`it ended: ${out}`)))
    })
    return { ended, out: () => out, end: () => void child.kill('SIGTERM') }
  }
  return { url, folder, start }
}

const journalOf = (folder: string, name: string): number[] => {
  const path = join(folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean).map(Number) : []
}

async function feed(app: App, count: number, from = 0): Promise<void> {
  const client = app.client(Load)
  const sent = Array.from({ length: count }, (_, i) => client.job({ key: `k${i % 20}`, n: from + i }))
  await Promise.all(sent)
}

test('told to end under load, a process finishes what runs, gives back the rest and ends with code 0; another one takes it', async () => {
  const { url, folder, start } = scene()
  const app = await connect(url, { logger: false })
  onTestFinished(() => app.close())
  const first = await start('first', '5')
  await feed(app, 1000)
  const second = await start('second', '5')
  while (journalOf(folder, 'first').length < 20) await pause(5)
  first.end()
  await feed(app, 200, 1000)
  expect(await first.ended, first.out()).toBe(0)
  const done = () => [...journalOf(folder, 'first'), ...journalOf(folder, 'second')]
  const end = Date.now() + 15_000
  while (done().length < 1200 && Date.now() < end) await pause(20)
  second.end()
  expect(await second.ended, second.out()).toBe(0)
  // Nothing is lost, and a drain is no crash: nothing was done twice.
  expect(done().sort((a, b) => a - b)).toEqual(Array.from({ length: 1200 }, (_, n) => n))
})

test('a process whose handlers outlast the deadline of the drain ends with code 1, says what still runs, and loses nothing', async () => {
  const { url, folder, start } = scene()
  const app = await connect(url, { logger: false })
  onTestFinished(() => app.close())
  const stuck = await start('stuck', '60000', '200ms')
  await feed(app, 5)
  while (!(await app.channels()).some(({ owners }) => Object.keys(owners).length > 0)) await pause(10)
  await pause(300)
  stuck.end()
  expect(await stuck.ended).toBe(1)
  expect(stuck.out()).toMatch(/SIGTERM: .* was not drained within 200 ms; still running: job /)
  const other = await start('other', '0')
  const end = Date.now() + 10_000
  while (journalOf(folder, 'other').length < 5 && Date.now() < end) await pause(10)
  other.end()
  await other.ended
  expect(journalOf(folder, 'other').sort()).toEqual([0, 1, 2, 3, 4])
})
