import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, connect, type DeliveryOptions, on } from '../../src/index.ts'
import { Kitchen, Order } from './contracts/kitchen.contract.ts'

/** A store in a folder of its own. */
export function store(): { readonly url: string; readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'pabal-cli-'))
  return { folder, url: `sqlite:${join(folder, 'store.db')}`, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** What the kitchen was asked to do, and whether it can. */
export class Restaurant {
  readonly cooked: number[] = []
  readonly replies: unknown[] = []
  gas = true
  app!: App

  /** Opens kitchen and order. Even numbers fail as long as there is no gas. */
  async open(url: string, options: DeliveryOptions = {}): Promise<void> {
    this.app = await connect(url, { logger: false, retry: { attempts: 1 } })
    await this.app.serve(
      Kitchen,
      {
        cook: ({ payload }) => {
          if (!this.gas && payload.n % 2 === 0) throw new Error(`no gas for table "${payload.n}"`)
          this.cooked.push(payload.n)
        },
        createTicket: ({ payload, reply }) =>
          payload.orderId === 'late' ? reply.Closed({ until: '10:00' }) : reply.Created({ ticketId: `t-${payload.orderId}` }),
        photo: () => {
          if (!this.gas) throw new Error('no film')
        },
        note: () => {},
        menu: ({ reply }) => reply.Menu(['bibimbap', 'naengmyeon']),
        quote: ({ reply }) => reply.Quote({ price: 7 }),
      },
      options,
    )
    await this.app.serve(Order, {
      replies: {
        make: {
          Created: ({ payload, context }) => void this.replies.push({ ...payload, ...context }),
          Closed: ({ context }) => void this.replies.push(context),
        },
      },
      on: [
        on(Kitchen.events.Ticket, {
          Done: ({ payload }) => {
            if (!this.gas) throw new Error('the history is full')
            this.cooked.push(payload.n)
          },
        }),
      ],
    })
  }
}
