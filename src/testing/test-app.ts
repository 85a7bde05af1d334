import type { Content, MessageData } from '../contract/data.ts'
import type { Clients, Handlers, MessageShape, ServiceHandle, ServiceShape } from '../contract/types/index.ts'
import { PabalError } from '../errors.ts'
import { contentTypes, decodeBody } from '../message/content.ts'
import type { Message } from '../message/message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import type { App } from '../service/app.ts'
import type { ClientOptions } from '../service/client.ts'
import { connect } from '../service/connect.ts'
import type { ConnectOptions, ServeOptions } from '../service/options.ts'
import { createHub } from '../transport/memory/index.ts'
import { type Fake, type FakeAnswers, fake } from './fake.ts'
import { pause } from './waiting.ts'
import { Watched } from './watched.ts'

export interface Sent<Payload> {
  readonly channel: string
  readonly message: Message
  /** The body as it travelled: the schema's input. */
  readonly payload: Payload
}

/** Several services in one process, on one store in memory, as if each had a process of its own. */
export interface TestApp {
  /** Starts a service on an app of its own. */
  serve<S extends ServiceShape>(
    contract: S,
    handlers: Handlers<S>,
    options?: ServeOptions<keyof S['documents'] & string>,
  ): Promise<ServiceHandle<S>>
  /** Starts a fake of a service. */
  fake<S extends ServiceShape>(contract: S, answers?: FakeAnswers<S>): Promise<Fake<S>>
  clients<Services extends Readonly<Record<string, ServiceShape>>>(services: Services, options?: ClientOptions): Clients<Services>
  /** Another app on the same store. */
  app(options?: ConnectOptions): Promise<App>
  /** Everything that was sent so far, in order; or one message's, with its payload's type: `sent(Kitchen.commands.createTicket)`. */
  sent(): readonly Sent<unknown>[]
  sent<M extends MessageShape>(message: M): readonly Sent<M['~in']>[]
  /** The same of events. */
  published(): readonly Sent<unknown>[]
  published<M extends MessageShape>(event: M): readonly Sent<M['~in']>[]
  /**
   * Resolves when nothing is being handled, waits to be, or is due to be tried again. Rejects with `TIMEOUT` after `within`
   * milliseconds (default 5,000), and says what is still under way.
   */
  idle(within?: number): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Runs services of yours together and lets you look at what was sent.
 *
 * ```ts
 * await using test = await testApp()
 * await test.serve(Order, orderHandlers)
 * const kitchen = await test.fake(Kitchen, { createTicket: { TicketCreated: { ticketId: 't-1' } } })
 * await test.clients({ order: Order }).order.place({ orderId: 'o-1' })
 * await test.idle()
 * assert.equal(test.sent(Kitchen.commands.createTicket).length, 1)
 * ```
 *
 * `options` are those of `connect`, for every app in it. Failing handlers are retried quickly (after 10 ms) unless it says otherwise.
 */
export async function testApp(options: ConnectOptions = {}): Promise<TestApp> {
  const runtime: Runtime = options.runtime ?? systemRuntime
  const hub = createHub({ runtime })
  const watched = new Watched()
  const apps: App[] = []
  const app = async (own: ConnectOptions = {}) => {
    const defaults: ConnectOptions = { within: '5s', drain: '2s', retry: { delay: 10 } }
    const made = await connect(watched.watch(hub.transport()), { ...defaults, ...options, ...own })
    apps.push(made)
    return made
  }
  const looking = hub.transport('looking on')
  await looking.open(() => {})
  const own = await app({ name: 'test' })
  const sent = (of: MessageData | undefined, kind?: string): readonly Sent<unknown>[] =>
    watched.sent
      .filter(({ message }) => (of === undefined || isOf(message, of)) && (kind === undefined || message.kind === kind))
      .filter(({ channel }) => of === undefined || of.kind === 'event' || channel.address.split('.')[0] === of.service)
      .map(({ channel, message }) => ({ channel: channel.address, message, payload: decodeBody(contentOf(message), message.body) }))
  const close = async () => {
    await Promise.all(apps.map((each) => each.close()))
    await looking.close()
  }
  return {
    serve: async (contract, handlers, serving) => (await app({ name: contract.name })).serve(contract, handlers, serving),
    fake: async (contract, answers) => {
      const made = fake(contract, answers)
      await made.serve(await app({ name: contract.name }))
      return made
    },
    clients: (services, asking) => own.clients(services, asking),
    app,
    sent: (message?: MessageData) => sent(message) as never,
    published: (message?: MessageData) => sent(message, 'event') as never,
    idle: async (within = 5000) => {
      const deadline = runtime.monotonic() + within
      // twice: what was settled a moment ago may have sent something
      for (let quiet = 0; quiet < 2; ) {
        await pause(runtime, 1)
        const busy = await watched.busy(looking)
        quiet = busy === undefined ? quiet + 1 : 0
        if (busy !== undefined && runtime.monotonic() > deadline) throw new PabalError('TIMEOUT', `not idle after ${within} ms: ${busy}`)
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const isOf = (message: Message, of: MessageData) => message.type === of.type && message.kind === of.kind

const contentOf = (message: Message): Content => {
  for (const content of ['json', 'text', 'binary'] as const) if (message.contentType === contentTypes[content]) return content
  return 'binary'
}
