import { isPabalError, PabalError } from '../../errors.ts'
import type { SendFields } from '../../interaction/port.ts'
import { pairs } from '../frame/arguments.ts'

/** What every message may be given. */
export const sendArgs = {
  key: { type: 'string', alias: 'k', valueHint: 'KEY', description: 'the partition key; for an event the id of its aggregate' },
  header: { type: 'string', alias: 'H', valueHint: 'NAME=VALUE', description: 'a header' },
  id: { type: 'string', valueHint: 'ID', description: 'the message id, to send again what may have been sent' },
} as const

export function fieldsOf(
  args: { readonly key?: string | undefined; readonly id?: string | undefined },
  headers: readonly string[],
): Pick<SendFields, 'key' | 'id' | 'headers'> {
  return { key: args.key, id: args.id, headers: headers.length === 0 ? undefined : Object.fromEntries(pairs(headers, '--header')) }
}

/** What a person does who is told that a channel is not there: most often the URL is another than the service's. */
export async function toChannel<T>(address: string, create: boolean, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (create || !isPabalError(error, 'INVALID_CONFIGURATION')) throw error
    const hint = `Has a service made the channel ${address} here? Look at the URL and its options, or let --create make it.`
    throw new PabalError(error.code, error.message, { cause: error, hint })
  }
}

export const messageOperands = [
  { name: 'CONTRACT', says: 'the module that exports the contract, .ts or .js' },
  { name: 'MESSAGE', says: 'its name in the contract: kitchen.createTicket, or Ticket.TicketAccepted for an event' },
  { name: 'PAYLOAD', says: 'JSON; @file; or - for what is piped in. Left out: {}', optional: true },
] as const
