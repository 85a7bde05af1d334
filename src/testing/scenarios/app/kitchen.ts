import { asks, command, defineService, event, failure, notification, query } from '../../../contract/index.ts'
import type { StandardSchemaV1 } from '../../../contract/schema.ts'

/** The two services that the app scenarios run; their names are fresh each time, so that scenarios do not meet. */
export interface Order {
  readonly table: string
  readonly n: number
}
export interface Done {
  readonly n: number
}

/** Just enough of a schema: an object with these fields of these types. */
function fields<T>(types: Readonly<Record<keyof T & string, 'string' | 'number'>>): StandardSchemaV1<T, T> {
  const validate = (value: unknown) => {
    for (const [name, type] of Object.entries(types)) {
      const given = (value as Record<string, unknown> | null)?.[name]
      if (typeof given !== type) return { issues: [{ message: `${name} is ${typeof given}, not a ${String(type)}`, path: [name] }] }
    }
    return { value: value as T }
  }
  return { '~standard': { version: 1, vendor: 'pabal', validate } }
}

const order = fields<Order>({ table: 'string', n: 'number' })
const cooked = fields<Done>({ n: 'number' })

export function kitchenOf(prefix: string) {
  const dish = `${prefix}-Dish` as 'Dish'
  const kitchen = defineService(`${prefix}-kitchen`, {
    version: '1.0.0',
    commands: {
      cook: command(order, { key: 'table', replies: { Cooked: cooked, SoldOut: failure(cooked) } }),
      ring: notification(order, { key: 'table' }),
      loose: notification(order),
    },
    queries: {
      menu: query(order, { replies: { Menu: cooked } }),
      quote: query(order, { to: 'many', replies: { Quote: cooked } }),
    },
    events: { [dish]: { Served: event(order), Burnt: event(order) } } as {
      Dish: { Served: ReturnType<typeof event<Order, Order>>; Burnt: ReturnType<typeof event<Order, Order>> }
    },
  })
  /** Asks the kitchen and takes its replies later. */
  const waiter = defineService(`${prefix}-waiter`, {
    version: '1.0.0',
    commands: { start: notification(order, { key: 'table' }) },
    uses: {
      cook: asks(kitchen.commands.cook, { context: fields<{ guest: string }>({ guest: 'string' }) }),
      ring: asks(kitchen.commands.ring),
      menu: asks(kitchen.queries.menu),
    },
  })
  /** A newer kitchen, which knows one more command and one more event. */
  const newKitchen = defineService(`${prefix}-kitchen`, {
    version: '1.1.0',
    commands: { ...kitchen.commands, bake: notification(order, { key: 'table' }) },
    queries: kitchen.queries,
    events: { [dish]: { ...kitchen.events[dish], Frozen: event(order) } } as typeof kitchen.events,
  })
  return { kitchen, newKitchen, waiter, dish }
}

export type Names = ReturnType<typeof kitchenOf>
export type Kitchen = Names['kitchen']
export type Waiter = Names['waiter']
