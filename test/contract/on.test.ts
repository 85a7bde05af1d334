import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineService, event, on } from '../../src/contract/index.ts'
import { isPabalError } from '../../src/errors.ts'

const kitchen = defineService('kitchen', {
  version: '1',
  events: { Ticket: { Accepted: event(z.object({ id: z.string() })), PickedUp: event(z.object({ id: z.string() })) } },
})
const loose = on as unknown as (events: unknown, handlers: unknown) => unknown

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    return isPabalError(error) ? `${error.code}: ${error.message}` : String(error)
  }
  return undefined
}

describe('on', () => {
  test('holds the events that have a handler, and no others', () => {
    const handler = (): void => {}
    const subscription = on(kitchen.events.Ticket, { Accepted: handler })
    expect(subscription).toEqual({
      pabal: 1,
      service: 'kitchen',
      aggregate: 'Ticket',
      events: { Accepted: kitchen.events.Ticket.Accepted },
      handlers: { Accepted: handler },
    })
    expect(subscription.events.constructor).toBeUndefined()
    expect(subscription.handlers.constructor).toBeUndefined()
  })
  test('refuses an event that is not declared', () => {
    expect(codeOf(() => loose(kitchen.events.Ticket, { Acepted: () => {} }))).toMatch(
      /^HANDLER_UNKNOWN: .*"Acepted"; it declares Accepted, PickedUp$/,
    )
  })
  test('refuses what is no function', () => {
    expect(codeOf(() => loose(kitchen.events.Ticket, { Accepted: 7 }))).toMatch(
      /^INVALID_CONFIGURATION: .*Accepted is number, give a function$/,
    )
  })
  test('refuses an empty subscription', () => {
    expect(codeOf(() => loose(kitchen.events.Ticket, {}))).toMatch(/^INVALID_CONFIGURATION: .*no handler was given/)
  })
  test('refuses what are no events of a defined service', () => {
    for (const events of [undefined, {}, kitchen.commands, { Accepted: event(z.string()) }, kitchen.events])
      expect(codeOf(() => loose(events, { Accepted: () => {} }))).toMatch(
        /^INVALID_CONFIGURATION: on\(…\) was not given the events of an aggregate/,
      )
  })
})
