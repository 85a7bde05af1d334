import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type App, connect } from 'pabal'
import { onTestFinished } from 'vitest'
import { feed } from '../../examples/ftgo/lib/feeder.ts'
import { logTo } from '../../examples/ftgo/lib/log.ts'
import { type Place, type ServiceName, serviceNames } from '../../examples/ftgo/lib/place.ts'
import { Tracker } from '../../examples/ftgo/lib/tracker.ts'
import { startWebsite } from '../../examples/ftgo/lib/website.ts'
import { readWorld, shippedOrders } from '../../examples/ftgo/lib/world.ts'
import { openStage, type TransportName } from '../process/chaos/stage.ts'

const script = fileURLToPath(new URL('../../examples/ftgo/service.ts', import.meta.url))

/** A process that runs several of the demo's services. */
export class Node {
  readonly child: ChildProcess
  readonly ready: Promise<void>
  readonly ended: Promise<string>

  constructor(name: string, services: readonly ServiceName[], place: Place) {
    const args = ['--disable-warning=ExperimentalWarning', script, services.join('+'), JSON.stringify(place)]
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.ended = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`)))
    const over = this.ended.then((how) => {
      throw new Error(`${name} ended before it was ready: ${how}`)
    })
    over.catch(() => undefined)
    this.ready = Promise.race([new Promise<void>((resolve) => this.child.once('message', () => resolve())), over])
  }

  /** Told to end as an orchestrator does; resolves with how it ended. */
  async drain(): Promise<string> {
    this.child.kill('SIGTERM')
    return await this.ended
  }
}

/** The demo's town on a store or broker of its own: the website here, its services in processes or here. */
export interface Town {
  readonly place: Place
  readonly tracker: Tracker
  connect(name: string): Promise<App>
  node(name: string, services?: readonly ServiceName[]): Promise<Node>
  /** Places orders, `rate` a second, and resolves when the last is sent; aborted, with the one that is under way. */
  order(count: number, rate: number, signal?: AbortSignal): Promise<void>
  /** Waits until every order has come to its end. */
  rest(): Promise<void>
  close(): Promise<void>
}

export async function openTown(transport: TransportName): Promise<Town> {
  const folder = mkdtempSync(join(tmpdir(), 'ftgo-town-'))
  const { url, close } = await openStage(transport, folder)
  const place: Place = { url, folder, ordersFile: shippedOrders, careless: false }
  const tracker = new Tracker()
  const apps: App[] = []
  const nodes: Node[] = []
  const town: Town = {
    place,
    tracker,
    connect: async (name) => {
      const app = await connect(url, { name, logger: logTo(place, name), retry: { attempts: 1000, delay: '50ms', maxDelay: '1s' } })
      apps.push(app)
      return app
    },
    node: async (name, services = serviceNames) => {
      const node = new Node(name, services, place)
      nodes.push(node)
      await node.ready
      return node
    },
    order: async (count, rate, signal = new AbortController().signal) => {
      const website = await startWebsite(await town.connect('website'), tracker)
      const { orders } = readWorld(shippedOrders)
      await feed({ place, website, tracker, orders, count, rate, signal })
    },
    rest: async () => {
      while (tracker.open > 0) {
        if (performance.now() - tracker.lastNews > 30_000) throw new Error(`${tracker.open} orders under way, and nothing heard for 30 s`)
        await pause(20)
      }
      await pause(300)
    },
    close: async () => {
      await Promise.all(apps.splice(0).map((app) => app.close()))
    },
  }
  onTestFinished(async () => {
    for (const { child } of nodes) child.kill('SIGKILL')
    await Promise.all(nodes.map(({ ended }) => ended))
    await town.close().catch(() => undefined)
    await close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return town
}

/** Channels on which something is left that nobody handled: waiting, parked, dead or invalid. */
export async function leftovers(app: App): Promise<readonly string[]> {
  const left = (await app.channels()).filter(({ waiting, parked }) => waiting + parked > 0)
  return left.map(({ channel, group, waiting, parked }) => `${channel.address} ${group ?? ''}: ${waiting} waiting, ${parked} parked`)
}
