import { z } from 'zod'

/** What travels in every row of the suite: about 0.4 KB of JSON, validated on both sides. */
export const Order = z.object({
  orderId: z.string(),
  consumerId: z.string(),
  restaurant: z.object({ id: z.string(), name: z.string() }),
  lines: z.array(z.object({ item: z.string(), quantity: z.number(), price: z.string() })),
  address: z.string(),
  note: z.string(),
})
export type Order = z.infer<typeof Order>

export function order(i: number): Order {
  return {
    orderId: `order-${i % 997}`,
    consumerId: `consumer-${i}`,
    restaurant: { id: 'r-17', name: 'Ajanta on Solano Avenue' },
    lines: [
      { item: 'Chicken Vindaloo', quantity: 2, price: '12.34' },
      { item: 'Lamb Korma', quantity: 1, price: '15.20' },
      { item: 'Garlic Naan', quantity: 3, price: '3.10' },
    ],
    address: '9 Amazing View, Oakland, CA 94612',
    note: 'Ring twice, the dog is friendly; leave it with the neighbour otherwise.',
  }
}

/** The answer to a request. */
export const Placed = z.object({ orderId: z.string() })

export const validate = (value: unknown): Order => checked(Order, value)
export const validatePlaced = (value: unknown): { orderId: string } => checked(Placed, value)

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) throw new Error('synchronous schema expected')
  if (result.issues) throw new Error('invalid')
  return result.value
}
