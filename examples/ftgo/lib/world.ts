import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Address, Line, Money } from '../contracts/shared.ts'

const Id = z.string().regex(/^[\w.-]{1,60}$/, 'an id is made of letters, digits and _ . -')

const Restaurant = z.object({
  id: Id,
  name: z.string().min(1),
  address: Address,
  menu: z.array(z.object({ name: z.string().min(1), price: Money })).min(1),
  closedUntil: z.string().optional(),
  /** Found out only when the cook looks: after the card was authorised. */
  soldOut: z.array(z.string()).optional(),
})

const Person = z.object({
  id: Id,
  name: z.string().min(1),
  address: Address,
  card: z.object({ number: z.string(), limit: Money }),
  blockedSince: z.string().optional(),
  accountDisabled: z.boolean().optional(),
})

const PlacedOrder = z.object({
  id: Id,
  consumerId: Id,
  restaurantId: Id,
  lines: z.array(Line).min(1),
  total: Money,
  deliverTo: Address,
})

const World = z.object({ restaurants: z.array(Restaurant), consumers: z.array(Person), orders: z.array(PlacedOrder).min(1) })

export type Restaurant = z.infer<typeof Restaurant>
export type Person = z.infer<typeof Person>
export type PlacedOrder = z.infer<typeof PlacedOrder>
export type World = z.infer<typeof World>

/** The orders that ship with the demo. */
export const shippedOrders: string = fileURLToPath(new URL('../orders.json', import.meta.url))

/** An orders file that cannot be used: what is wrong, in words for its author. */
export class BadOrders extends Error {}

/**
 * Reads an orders file: `{ restaurants, consumers, orders }`. A file that holds only a list of orders, or leaves out restaurants or
 * consumers, is completed from the shipped one. Throws `BadOrders`.
 */
export function readWorld(path: string): World {
  let given: unknown
  try {
    given = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new BadOrders(`The orders file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  const parts = Array.isArray(given) ? { orders: given } : given
  const shipped = path === shippedOrders ? {} : readWorld(shippedOrders)
  const parsed = World.safeParse(typeof parts === 'object' && parts !== null ? { ...shipped, orders: undefined, ...parts } : parts)
  if (!parsed.success) {
    const { issues } = parsed.error
    const faults = issues.slice(0, 5).map(({ path: at, message }) => `  - ${at.join('.') || 'the file'}: ${message}`)
    if (issues.length > faults.length) faults.push(`  … and ${issues.length - faults.length} more`)
    throw new BadOrders(`The orders file ${path} does not fit:\n${faults.join('\n')}`)
  }
  refuseTwins(path, parsed.data)
  return parsed.data
}

/** An order is known by its id everywhere: the ledger could not tell two apart. */
function refuseTwins(path: string, world: World): void {
  for (const section of ['restaurants', 'consumers', 'orders'] as const) {
    const seen = new Set<string>()
    for (const { id } of world[section]) {
      if (seen.has(id)) throw new BadOrders(`The orders file ${path} has two ${section} with the id ${id}.`)
      seen.add(id)
    }
  }
}
