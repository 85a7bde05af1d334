import { join } from 'node:path'
import { startKafka, startRabbit, type Throwaway } from '../../../scripts/services/index.ts'
import { isShared, prefixed, wipe } from './shared-broker.ts'

const starters = { amqp: startRabbit, kafka: startKafka } as const
/** A scheme without an address asks for a broker of the demo's own. */
const isOwn = (transport: string): transport is keyof typeof starters => Object.hasOwn(starters, transport)

/** Where the messages of a run travel. */
export interface Stage {
  readonly url: string
  readonly shared: boolean
  /** Present where the demo started it. */
  readonly broker?: Victim | undefined
  /** Whether anybody was connected: only then there may be something to delete. */
  used: boolean
  close(): Promise<void>
}

/** A store in the folder, a broker of the demo's own, or whatever the URL leads to. */
export async function openStage(transport: string | undefined, folder: string, say: (text: string) => void): Promise<Stage> {
  if (transport === undefined) return { url: `sqlite:${join(folder, 'messages.db')}`, shared: false, used: false, close: async () => {} }
  if (!isOwn(transport)) {
    if (!isShared(transport)) return { url: transport, shared: false, used: false, close: async () => {} }
    const url = prefixed(transport)
    const stage: Stage = { url, shared: true, used: false, close: async () => (stage.used ? wipe(url, folder, say) : undefined) }
    return stage
  }
  say(`Starting ${transport === 'amqp' ? 'RabbitMQ' : 'Kafka'} …`)
  const began = performance.now()
  const server = await starters[transport]({ say })
  say(`It listens on port ${server.port} after ${((performance.now() - began) / 1000).toFixed(1)} s.`)
  return { url: server.url, shared: false, used: false, broker: new Victim(server, say), close: () => server.stop() }
}

/** A broker that the chaos may kill, and how often it did. */
export class Victim {
  kills = 0
  readonly #server: Throwaway
  #say: (text: string) => void

  constructor(server: Throwaway, say: (text: string) => void) {
    this.#server = server
    this.#say = say
  }

  /** From now on, what happens is told there. */
  tell(say: (text: string) => void): void {
    this.#say = say
  }

  /** Resolves when it is back. */
  async kill(): Promise<void> {
    this.kills++
    await this.#server.kill()
    this.#say('the broker was killed; starting it again')
    await this.#server.restart()
    this.#say('the broker is back')
  }
}
