import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type App, connect } from 'pabal'
import { createHub, type MemoryHub } from 'pabal/memory'
import { expect, onTestFinished, test } from 'vitest'
import { feed } from '../../examples/ftgo/lib/feeder.ts'
import { checkLedger, type Verdict } from '../../examples/ftgo/lib/ledger.ts'
import { type Place, type ServiceName, serviceNames } from '../../examples/ftgo/lib/place.ts'
import { seeded } from '../../examples/ftgo/lib/random.ts'
import { countStyles, readStyles, styles } from '../../examples/ftgo/lib/styles.ts'
import { Tracker } from '../../examples/ftgo/lib/tracker.ts'
import { startWebsite } from '../../examples/ftgo/lib/website.ts'
import { readWorld, shippedOrders } from '../../examples/ftgo/lib/world.ts'
import { starters } from '../../examples/ftgo/services/all.ts'

/** The same services in one process on one hub in memory: the business itself, where a crash costs nothing. */
class Town {
  readonly place: Place
  readonly tracker = new Tracker()
  readonly #hub: MemoryHub = createHub()
  readonly #apps = new Map<string, { app: App; crash: () => void }>()

  constructor(careless: boolean) {
    const folder = mkdtempSync(join(tmpdir(), 'ftgo-test-'))
    this.place = { url: '', folder, ordersFile: shippedOrders, careless }
    onTestFinished(async () => {
      await this.close()
      rmSync(folder, { recursive: true, force: true })
    })
  }

  async connect(name: string): Promise<App> {
    const transport = this.#hub.transport(name)
    const app = await connect(transport, {
      name,
      middleware: [countStyles(this.place, name)],
      retry: { attempts: 1000, delay: '10ms', maxDelay: '100ms' },
      maxLosses: 1000,
      logger: false,
    })
    this.#apps.set(name, { app, crash: () => this.#hub.crash(transport) })
    return app
  }

  async start(name: ServiceName): Promise<void> {
    await starters[name](await this.connect(name), this.place)
  }

  async crash(name: ServiceName): Promise<void> {
    this.#apps.get(name)?.crash()
    await this.start(name)
  }

  /** Places every shipped order and waits for its end. `meanwhile` runs beside it until the last is placed. */
  async run(rate: number, meanwhile?: (placing: () => boolean) => Promise<void>): Promise<Verdict> {
    const { place, tracker } = this
    for (const name of serviceNames) await this.start(name)
    const website = await startWebsite(await this.connect('website'), tracker)
    const { orders } = readWorld(shippedOrders)
    let placing = true
    const beside = meanwhile?.(() => placing)
    await feed({ place, website, tracker, orders, count: orders.length, rate, signal: new AbortController().signal })
    placing = false
    await beside
    await expect.poll(() => tracker.open, { timeout: 15_000 }).toBe(0)
    await pause(100)
    await this.close()
    return checkLedger(place)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#apps.values()].map(({ app }) => app.close({ within: '1s' }).catch(() => undefined)))
  }
}

const chaos = (town: Town) => async (placing: () => boolean) => {
  const random = seeded(7)
  while (placing()) {
    await pause(10 + 40 * random())
    await town.crash(serviceNames[Math.floor(random() * serviceNames.length)] ?? 'order')
  }
}

test('every shipped order comes to its end once, in every style, and the ledger adds up', async () => {
  const town = new Town(false)
  const verdict = await town.run(500)
  expect(verdict.findings).toEqual([])
  expect(verdict.finalStates).toEqual({ approved: 48, rejected: 12 })
  expect(town.tracker.latencies).toHaveLength(60)
  const counts = readStyles(town.place)
  expect(styles.filter((style) => counts[style] === 0)).toEqual([])
})

test('the ledger adds up while services crash', async () => {
  const town = new Town(false)
  const verdict = await town.run(60, chaos(town))
  expect(verdict.findings).toEqual([])
  expect(verdict.finalStates).toEqual({ approved: 48, rejected: 12 })
})

test('without idempotency the same crashes do things twice, and the ledger says so', async () => {
  const town = new Town(true)
  const verdict = await town.run(60, chaos(town))
  expect(verdict.duplicated.length).toBeGreaterThan(0)
})
