import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type App, connect } from 'pabal'
import { History } from '../contracts/history.ts'
import { unleash } from './chaos.ts'
import { feed } from './feeder.ts'
import { onInterrupt } from './interrupt.ts'
import { checkLedger } from './ledger.ts'
import { logTo } from './log.ts'
import type { Options } from './options.ts'
import type { Place } from './place.ts'
import { Progress } from './progress.ts'
import { seeded } from './random.ts'
import type { Result } from './report.ts'
import { target } from './shared-broker.ts'
import { openStage, type Stage } from './stage.ts'
import { countStyles, readStyles } from './styles.ts'
import { Supervisor } from './supervisor.ts'
import { Tracker } from './tracker.ts'
import { startWebsite } from './website.ts'
import { readWorld, type World } from './world.ts'

/** Orders that nothing more is heard of for so long are given up, in milliseconds. */
const hopeless = 30_000

/** Runs the whole demo and says what came of it. */
export async function runDemo(options: Options, out: NodeJS.WriteStream): Promise<Result> {
  const world = readWorld(options.orders)
  const folder = mkdtempSync(join(tmpdir(), 'ftgo-'))
  const say = (text: string): void => void out.write(`${text}\n`)
  let stage: Stage | undefined
  try {
    stage = await openStage(options.transport, folder, say)
    const { url, shared } = stage
    return await play(options, world, { url, shared, folder, ordersFile: options.orders, careless: options.careless }, stage, out)
  } finally {
    await stage?.close()
    if (options.keep) say(`Databases, journals and logs are in ${folder}`)
    else rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function play(options: Options, world: World, place: Place, stage: Stage, out: NodeJS.WriteStream): Promise<Result> {
  const { broker } = stage
  const count = options.count ?? world.orders.length
  const tracker = new Tracker()
  const progress = new Progress(out, tracker, count, () => supervisor.kills + (broker?.kills ?? 0))
  const say = (text: string): void => progress.say(text)
  broker?.tell(say)
  const supervisor = new Supervisor(place, say)
  const stopping = new AbortController()
  const deaf = onInterrupt(stopping, supervisor, say, tracker)
  let app: App | undefined
  try {
    app = await connect(await target(place), {
      name: 'website',
      middleware: [countStyles(place, 'website')],
      logger: logTo(place, 'website'),
    })
    stage.used = true
    const website = await startWebsite(app, tracker)
    say('Starting six services …')
    await supervisor.start()
    say(`Placing ${count} orders, ${options.rate} a second${options.chaos ? `; chaos with seed ${options.seed}` : ''}.`)
    progress.start()
    const began = performance.now()
    const random = seeded(options.seed)
    // Somebody must be able to take over from the one that was killed.
    const patience = 5000 + app.capabilities.takeover.killed
    const work = async (): Promise<void> => {
      const chaos = options.chaos ? unleash({ supervisor, tracker, random, count, stopping: stopping.signal, patience, broker }) : undefined
      await feed({ place, website, tracker, orders: world.orders, count, rate: options.rate, signal: stopping.signal })
      await chaos
      await settled(tracker)
      await viewed(app as App, tracker)
    }
    await Promise.race([work(), supervisor.failed])
    const seconds = (performance.now() - began) / 1000
    progress.stop()
    await supervisor.stop()
    await app.close()
    return {
      verdict: checkLedger(place),
      kills: supervisor.kills,
      brokerKills: broker?.kills,
      messages: readStyles(place),
      latencies: tracker.latencies,
      seed: options.seed,
      seconds,
    }
  } finally {
    progress.stop()
    deaf()
    supervisor.abandon()
    await app?.close({ within: '1s' }).catch(() => undefined)
  }
}

/** Waits until every order came to its end, or nothing more is heard. */
async function settled(tracker: Tracker): Promise<void> {
  while (tracker.open > 0 && performance.now() - tracker.lastNews < hopeless) await pause(20)
}

/** Gives Order History a moment to hear the last events. */
async function viewed(app: App, tracker: Tracker): Promise<void> {
  const history = app.client(History, { within: '1s' })
  const end = performance.now() + 20_000
  while (performance.now() < end) {
    const summary = await history.summary({}).catch(() => undefined)
    const states = summary?.payload.states
    if (states !== undefined && (states.approved ?? 0) + (states.rejected ?? 0) >= tracker.placed) return
    await pause(100)
  }
}
