import { beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import * as here from '../../src/contract/index.ts'

/** A second copy of the library, as a second installed version would be: other functions, other classes. */
let there: typeof here

beforeAll(async () => {
  vi.resetModules()
  there = await import('../../src/contract/index.ts')
})

const Id = z.object({ id: z.string() })

test('the two copies are two', () => {
  expect(there.defineService).not.toBe(here.defineService)
})

test("a contract of one copy is used by the other's asks and on", () => {
  const kitchen = there.defineService('kitchen', {
    version: '1',
    commands: { create: there.command(Id, { replies: { Done: Id } }) },
    events: { Ticket: { Accepted: there.event(Id) } },
  })
  const order = here.defineService('order', { version: '1', uses: { create: here.asks(kitchen.commands.create, { context: Id }) } })
  expect(order.uses.create.message).toBe(kitchen.commands.create)
  const subscription = here.on(kitchen.events.Ticket, { Accepted: () => {} })
  expect(subscription).toMatchObject({ service: 'kitchen', aggregate: 'Ticket' })
})

test('declarations, replies and older versions of one copy go into a contract of the other', () => {
  const contract: here.ServiceData = here.defineService('kitchen', {
    version: '1',
    commands: {
      create: here.command(Id, {
        version: 2,
        accepts: { 1: there.older(Id, (old) => old) },
        replies: { Done: there.success(Id), No: there.failure(Id, { description: 'no' }) },
      }),
      ring: there.notification(Id),
    },
  })
  expect(contract.commands.create?.replies).toEqual({
    Done: { schema: Id, content: 'json', failure: false },
    No: { schema: Id, content: 'json', failure: true, description: 'no' },
  })
  expect(contract.commands.create?.accepts[1]?.schema).toBe(Id)
  expect(contract.commands.ring).toMatchObject({ service: 'kitchen', type: 'ring' })
})

test('a contract is made of plain objects alone: no class, symbol or function but in its schemas and upgrades', () => {
  const contract = there.defineService('kitchen', {
    version: '1',
    commands: { create: there.command(Id, { version: 2, accepts: { 1: there.older(Id, (old) => old) }, replies: { Done: Id } }) },
    queries: { ask: there.query(Id, { replies: { Done: Id } }) },
    events: { Ticket: { Accepted: there.event(Id) } },
  })
  const walk = (value: unknown, path: string): void => {
    if (path.endsWith('.schema') || path.endsWith('.upgrade')) return
    expect(typeof value, path).not.toBe('function')
    if (typeof value !== 'object' || value === null) return
    expect([null, Object.prototype], path).toContain(Object.getPrototypeOf(value))
    expect(Object.getOwnPropertySymbols(value), path).toEqual([])
    for (const [key, member] of Object.entries(value)) walk(member, `${path}.${key}`)
  }
  walk(contract, 'kitchen')
})
