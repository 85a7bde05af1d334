import { z } from 'zod'

/** Money travels as text, `"61.70"`: no rounding, and every language can read it. */
export const Money = z.string().regex(/^\d{1,6}\.\d{2}$/, 'money is text such as "61.70"')

export const Address = z.object({ street: z.string().min(1), city: z.string().min(1), postcode: z.string().min(1) })

export const Line = z.object({ dish: z.string().min(1), quantity: z.int().positive() })

/** What an asker is given back beside the reply to what it asked. */
export const OrderRef = z.object({ orderId: z.string() })
