import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  asks,
  command,
  defineService,
  document,
  event,
  failure,
  notification,
  older,
  query,
  type ServiceData,
  success,
} from '../../src/contract/index.ts'

const Ticket = z.object({ orderId: z.string() })
const Created = v.object({ ticketId: v.string() })
const Closed = type({ until: 'string' })

describe('a contract is plain data', () => {
  test('a command with everything said of it', () => {
    const contract: ServiceData = defineService('kitchen', {
      version: '1.2.0',
      description: 'Cooks.',
      commands: {
        createTicket: command(Ticket, {
          key: 'orderId',
          description: 'Begins a ticket.',
          examples: [{ orderId: 'o-1' }],
          deprecated: 'use openTicket',
          jsonSchema: { type: 'object', properties: { orderId: { type: 'string' } } },
          replies: { Created, Closed: failure(Closed, { description: 'Not now.', examples: [{ until: '18:00' }] }) },
        }),
      },
    })
    expect(contract).toMatchObject({
      pabal: 1,
      name: 'kitchen',
      version: '1.2.0',
      description: 'Cooks.',
      documents: {},
      queries: {},
      events: {},
      uses: {},
    })
    expect(contract.commands.createTicket).toEqual({
      service: 'kitchen',
      kind: 'command',
      type: 'createTicket',
      version: 1,
      schema: Ticket,
      key: 'orderId',
      content: 'json',
      accepts: {},
      description: 'Begins a ticket.',
      examples: [{ orderId: 'o-1' }],
      deprecated: 'use openTicket',
      jsonSchema: { type: 'object', properties: { orderId: { type: 'string' } } },
      replies: {
        Created: { schema: Created, content: 'json', failure: false },
        Closed: { schema: Closed, content: 'json', failure: true, description: 'Not now.', examples: [{ until: '18:00' }] },
      },
    })
  })

  test('the other kinds, and their contents', () => {
    const contract: ServiceData = defineService('shop', {
      version: '1',
      commands: { ring: notification(z.string(), { content: 'text' }) },
      documents: { photo: document(z.instanceof(Uint8Array), { content: 'binary' }) },
      queries: {
        menu: query(Ticket, { replies: { Menu: success(z.string(), { content: 'text' }) } }),
        quote: query(Ticket, { to: 'many', replies: { Quote: z.number() } }),
      },
      events: { Ticket: { Accepted: event(Ticket) }, Stock: { Low: event(Ticket, { version: 3 }) } },
    })
    expect(contract.commands.ring).toMatchObject({ kind: 'notification', type: 'ring', content: 'text' })
    expect(contract.commands.ring).not.toHaveProperty('replies')
    expect(contract.documents.photo).toMatchObject({ kind: 'document', content: 'binary' })
    expect(contract.queries.menu).toMatchObject({ kind: 'query', to: 'one', replies: { Menu: { content: 'text', failure: false } } })
    expect(contract.queries.quote).toMatchObject({ to: 'many' })
    expect(contract.events.Ticket?.Accepted).toMatchObject({
      kind: 'event',
      service: 'shop',
      aggregate: 'Ticket',
      type: 'Ticket.Accepted',
      version: 1,
    })
    expect(contract.events.Stock?.Low).toMatchObject({ aggregate: 'Stock', type: 'Stock.Low', version: 3 })
  })

  test('older versions keep their schema and their upgrade', () => {
    const V1 = z.object({ ticket: z.string() })
    const upgrade = (old: { ticket: string }): { orderId: string } => ({ orderId: old.ticket })
    const contract: ServiceData = defineService('kitchen', {
      version: '1',
      events: { Ticket: { Accepted: event(Ticket, { version: 2, accepts: { 1: older(V1, upgrade) } }) } },
    })
    expect(contract.events.Ticket?.Accepted?.accepts).toEqual({ 1: { schema: V1, upgrade } })
  })

  test('what a service uses', () => {
    const kitchen = defineService('kitchen', {
      version: '1',
      commands: {
        createTicket: command(Ticket, { replies: { Created } }),
        check: command(Ticket, { replies: { Created } }),
        ring: notification(Ticket),
      },
    })
    const order: ServiceData = defineService('order', {
      version: '1',
      uses: {
        ticket: asks(kitchen.commands.createTicket, { context: Closed }),
        check: asks(kitchen.commands.check, { awaited: true }),
        ring: asks(kitchen.commands.ring),
      },
    })
    expect(order.uses.ticket).toEqual({ message: kitchen.commands.createTicket, context: Closed })
    expect(order.uses.check).toMatchObject({ awaited: true })
    expect(order.uses.ring?.message).toMatchObject({ service: 'kitchen', type: 'ring', kind: 'notification' })
  })

  test('one declaration may stand under two names and in two contracts', () => {
    const shared = notification(Ticket)
    const a: ServiceData = defineService('a', { version: '1', commands: { one: shared, two: shared } })
    const b: ServiceData = defineService('b', { version: '1', commands: { one: shared } })
    expect([a.commands.one, a.commands.two, b.commands.one].map((message) => `${message?.service}.${message?.type}`)).toEqual([
      'a.one',
      'a.two',
      'b.one',
    ])
  })

  test('a name from the wire finds nothing that was not declared', () => {
    const contract: ServiceData = defineService('a', {
      version: '1',
      commands: { one: command(Ticket, { replies: { Created } }) },
      events: { A: { E: event(Ticket) } },
    })
    for (const name of ['constructor', 'toString', '__proto__'])
      expect([
        contract.commands[name],
        contract.documents[name],
        contract.queries[name],
        contract.events[name],
        contract.events.A?.[name],
        contract.uses[name],
        contract.commands.one?.replies?.[name],
      ]).toEqual(Array(7).fill(undefined))
  })

  test('it cannot be changed by accident', () => {
    const contract: ServiceData = defineService('a', { version: '1', commands: { one: notification(Ticket) } })
    expect(() => Object.assign(contract, { name: 'b' })).toThrow(TypeError)
    expect(() => Object.assign(contract.commands, { two: {} })).toThrow(TypeError)
    expect(() => Object.assign(contract.commands.one as object, { version: 2 })).toThrow(TypeError)
  })
})
