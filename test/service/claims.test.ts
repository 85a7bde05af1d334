import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { connect, defineService, event, type PabalError } from '../../src/index.ts'
import { createHub } from '../../src/transport/memory/index.ts'
import type { Transport } from '../../src/transport/seam.ts'
import { stores } from '../promises/stores.ts'
import { elsewhere, place } from '../transport/sqlite/stores.ts'
import { errorOf } from './apps.ts'

/** Services in processes of their own that own the same aggregate. */
const Ticket = { Accepted: event(z.object({})) }
const Kitchen = defineService('kitchen', { version: '1.0.0', events: { Ticket, Menu: Ticket } })
const Newer = defineService('kitchen', { version: '2.0.0', events: { Ticket } })
const Bakery = defineService('bakery', { version: '1.0.0', events: { Bread: Ticket, Ticket } })
const Bar = defineService('bar', { version: '1.0.0', events: { Drink: Ticket } })

describe.each(stores)('%s', (_name, make) => {
  test('a second owner of an aggregate is refused, as long as the first is there; versions of one service share it', async () => {
    const store = make()
    const kitchen = await store.app()
    await kitchen.serve(Kitchen, {})
    await (await store.app()).serve(Newer, {})
    await (await store.app()).serve(Bar, {})
    const other = await store.app()
    const refused: PabalError = await errorOf(other.serve(Bakery, {}))
    expect(refused).toMatchObject({
      code: 'OWNER_DUPLICATE',
      message: 'serve bakery: the channel "Ticket" belongs to kitchen, which another process serves',
    })
    // Nothing was started of it, and nothing is shown of the claims.
    expect((await other.channels()).map(({ channel }) => channel.address)).not.toContain('-owners')
    await (await store.app()).serve(Kitchen, {})
    await kitchen.close()
    expect(await errorOf(other.serve(Bakery, {}))).toMatchObject({ code: 'OWNER_DUPLICATE' })
  })

  test('a service that was closed owns nothing any more', async () => {
    const store = make()
    const app = await store.app()
    const service = await app.serve(Kitchen, {})
    await service.close()
    const other = await store.app()
    await other.serve(Bakery, {})
    expect(await errorOf(app.serve(Kitchen, {}))).toMatchObject({ code: 'OWNER_DUPLICATE' })
    await other.close()
    await app.serve(Kitchen, {})
  })

  test('of two that begin at once not both are served', async () => {
    const store = make()
    const apps = [await store.app(), await store.app()] as const
    const ends = await Promise.allSettled([apps[0].serve(Kitchen, {}), apps[1].serve(Bakery, {})])
    expect(ends.some(({ status }) => status === 'rejected')).toBe(true)
  })
})

test('what a killed process owned is free when it is known to be dead', async () => {
  const file = place()
  const member = await elsewhere({ file })
  const options = { group: 'bakery/Ticket', durable: false, maxMessages: 1, maxBytes: 1 }
  await member.transport.subscribe({ address: '-owners', kind: 'publish-subscribe' }, options, async () => ({ emit: [] }))
  const app = await connect(`sqlite:${file}`, { logger: false })
  onTestFinished(() => app.close())
  expect(await errorOf(app.serve(Kitchen, {}))).toMatchObject({ code: 'OWNER_DUPLICATE', message: expect.stringContaining('bakery') })
  const served = app.serve(Kitchen, {})
  member.kill()
  await served
})

test('a transport that does not know who is there is not asked', async () => {
  const hub = createHub()
  const declaring = (): Transport => {
    const transport = hub.transport()
    const open = transport.open.bind(transport)
    return Object.assign(transport, { open: async (listener: never) => ({ ...(await open(listener)), knowsReceivers: false }) })
  }
  for (const contract of [Kitchen, Bakery]) {
    const app = await connect(declaring(), { logger: false })
    onTestFinished(() => app.close())
    await app.serve(contract, {})
  }
})
