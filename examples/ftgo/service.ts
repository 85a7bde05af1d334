import { setTimeout as pause } from 'node:timers/promises'
import { type App, connect, isPabalError } from 'pabal'
import { logTo } from './lib/log.ts'
import { type Place, type ServiceName, serviceNames } from './lib/place.ts'
import { target } from './lib/shared-broker.ts'
import { countStyles } from './lib/styles.ts'
import { starters } from './services/all.ts'

/**
 * One service in a process of its own, or several: `node service.ts <name>[+<name> …] <place as JSON>`. Started by the supervisor, ended by
 * SIGTERM.
 */

// Ctrl-C goes to the whole group: the main process drains first, then asks the services to end.
process.on('SIGINT', () => undefined)
// Without the main process the services end by themselves.
let app: App | undefined
process.on('disconnect', () => void Promise.resolve(app?.close({ within: '2s' })).finally(() => process.exit()))

const [name = '', json = ''] = process.argv.slice(2)
const services = name.split('+') as ServiceName[]
for (const service of services)
  if (!serviceNames.includes(service)) throw new Error(`Which service? One of ${serviceNames.join(', ')}, not ${service}`)
const place = JSON.parse(json) as Place

app = await begin()
app.closeOn(['SIGTERM'], { within: '5s' })
process.send?.('ready')

/** Where a broker is away for the moment, the service waits for it. */
async function begin(): Promise<App> {
  const deadline = performance.now() + 60_000
  while (true) {
    let begun: App | undefined
    try {
      begun = await connect(await target(place), {
        name,
        middleware: [countStyles(place, name)],
        logger: logTo(place, name),
        // Services come and go under chaos: keep trying, and do not take a message for a killer because its process was killed.
        retry: { attempts: 1000, delay: '50ms', maxDelay: '1s' },
        maxLosses: 1000,
      })
      const app = begun
      await Promise.all(services.map((service) => starters[service](app, place)))
      return app
    } catch (error) {
      await begun?.close().catch(() => undefined)
      if (!isPabalError(error) || !error.retryable || performance.now() > deadline) throw error
      await pause(200)
    }
  }
}
