import { hash } from 'node:crypto'
import { formatUuid } from '../runtime/uuid.ts'

/**
 * An id that follows from a cause: the same cause and parts give the same id in every process and at every run, so that a
 * handler that runs twice sends the same ids twice. UUIDv8 (RFC 9562) over SHA-256.
 */
export function deriveId(cause: string, ...parts: readonly string[]): string {
  const digest = hash('sha256', parts.length === 0 ? cause : `${cause}\n${parts.join('\n')}`, 'buffer')
  return formatUuid(digest, 0, 8)
}
