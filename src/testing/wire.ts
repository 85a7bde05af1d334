import { type ErrorCode, isPabalError, PabalError } from '../errors.ts'
import type { Delivery, Settlement, TransportState } from '../transport/seam.ts'

/** What a test's process and the process of a hosted member say to each other. */
export type Down =
  | { readonly what: 'call'; readonly call: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly what: 'settle'; readonly number: number; readonly settlement: Settlement | undefined }

export type Up =
  | { readonly what: 'ready' }
  | { readonly what: 'answer'; readonly call: number; readonly value?: unknown; readonly error?: unknown }
  | { readonly what: 'delivery'; readonly listener: number; readonly number: number; readonly delivery: WireDelivery }
  | { readonly what: 'aborted'; readonly number: number }
  | { readonly what: 'assigned'; readonly listener: number; readonly shard: string; readonly parked: ReadonlyMap<string, number> }
  | { readonly what: 'revoking'; readonly listener: number; readonly shard: string }
  | { readonly what: 'state'; readonly state: TransportState }

export type WireDelivery = Omit<Delivery, 'signal'>

/** An error's class does not survive the way between processes; its code does. */
export function writeError(error: unknown): unknown {
  if (isPabalError(error)) return { code: error.code, message: error.message, id: error.id }
  return { message: error instanceof Error ? error.message : String(error) }
}

export function readError(error: unknown): Error {
  const { code, message, id } = error as { code?: ErrorCode; message: string; id?: string }
  if (code === undefined) return new Error(message)
  return new PabalError(code, message, id === undefined ? {} : { id })
}
