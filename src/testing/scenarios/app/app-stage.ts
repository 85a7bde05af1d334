import type { Handlers } from '../../../contract/index.ts'
import type { App } from '../../../service/app.ts'
import { connect } from '../../../service/connect.ts'
import type { ConnectOptions } from '../../../service/options.ts'
import type { Transport } from '../../../transport/seam.ts'
import type { Stage } from '../../stage.ts'
import type { Mortal } from '../../world.ts'
import { type Kitchen, kitchenOf, type Names, type Waiter } from './kitchen.ts'

/** Apps on members of a stage, with contracts of fresh names; closed at the end. */
export class AppStage {
  readonly stage: Stage
  readonly names: Names
  readonly #apps: App[] = []
  readonly #doomed: App[] = []

  constructor(stage: Stage) {
    this.stage = stage
    this.names = kitchenOf(stage.prefix)
    stage.after(() => Promise.all(this.#apps.map((app) => app.close())))
    // what was killed cannot drain
    stage.after(() => Promise.allSettled(this.#doomed.map((app) => app.close())))
  }

  async app(options: ConnectOptions = {}, transport?: Transport): Promise<App> {
    const app = await connect(transport ?? (await this.stage.unopened()), {
      drain: 5000,
      logger: silent,
      runtime: this.stage.runtime,
      ...options,
    })
    this.#apps.push(app)
    return app
  }

  /** An app on a member that will be killed. */
  async doomed(mortal: Mortal, options: ConnectOptions = {}): Promise<App> {
    const app = await connect(mortal.transport, { drain: 0, logger: silent, runtime: this.stage.runtime, ...options })
    this.#doomed.push(app)
    return app
  }

  /** A kitchen of its own process; what a scenario does not care for just answers. */
  async kitchen(handlers: Partial<Handlers<Kitchen>>, options: ConnectOptions = {}, app?: App) {
    const own = app ?? (await this.app(options))
    const service = await own.serve(this.names.kitchen, { ...plainKitchen, ...handlers })
    return { app: own, service }
  }

  async waiter(cook: (n: number, guest: string) => void, options: ConnectOptions = {}) {
    const app = await this.app(options)
    const note = ({ payload, context }: { payload: { n: number }; context: { guest: string } }) => cook(payload.n, context.guest)
    const service = await app.serve(this.names.waiter, {
      start: () => {},
      replies: { cook: { Cooked: note, SoldOut: note } },
    } as Handlers<Waiter>)
    return { app, service }
  }

  /** A client of the kitchen. */
  async client(options: ConnectOptions = {}) {
    const app = await this.app({ within: '20s', ...options })
    return { app, kitchen: app.clients({ kitchen: this.names.kitchen }).kitchen }
  }
}

/** An app scenario's logger: failures are what these scenarios make. */
const silent = { info: () => {}, warn: () => {}, error: () => {} }

const plainKitchen: Handlers<Kitchen> = {
  cook: ({ payload, reply }) => reply.Cooked({ n: payload.n }),
  ring: () => {},
  loose: () => {},
  menu: ({ payload, reply }) => reply.Menu({ n: payload.n }),
  quote: ({ payload, reply }) => reply.Quote({ n: payload.n }),
}

/** Something that is decided later. */
export class Gate {
  readonly opened: Promise<void>
  open: () => void = () => {}

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve
    })
  }
}

/** What handlers saw, in order. */
export class Log<T> {
  readonly items: T[] = []
  readonly note = (item: T): void => void this.items.push(item)

  get length(): number {
    return this.items.length
  }
}
