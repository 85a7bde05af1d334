import { hash } from 'node:crypto'
import { deriveId } from '../../message/derive.ts'

/** An id that follows from what a message holds: the same at every delivery, and for two messages of equal content. */
export function contentIdOf(source: string, headers: Readonly<Record<string, string>>, body: Uint8Array): string {
  return deriveId(source, JSON.stringify(headers), hash('sha256', body, 'hex'))
}
