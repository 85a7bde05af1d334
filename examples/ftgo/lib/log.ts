import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { Logger } from 'pabal'
import type { Place } from './place.ts'

/** What Pabal says of a process goes to the file beside its database, not between the lines of the progress. `--keep` keeps it. */
export function logTo(place: Place, name: string): Logger {
  const write = (level: string) => (message: string, details?: unknown) => {
    const more = details === undefined ? '' : ` ${inspect(details, { breakLength: Number.POSITIVE_INFINITY })}`
    appendFileSync(join(place.folder, `${name}.log`), `${new Date().toISOString()} ${level} ${message}${more}\n`)
  }
  return { info: write('info'), warn: write('warn'), error: write('error') }
}
