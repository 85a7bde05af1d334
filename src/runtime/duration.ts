import { PabalError } from '../errors.ts'

/** A length of time: a number of milliseconds, or text such as `'800ms'`, `'2s'`, `'5m'`, `'1h'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h'}`

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** The duration in milliseconds. Throws `INVALID_OPTION` naming `what` where it is not one. */
export function milliseconds(duration: Duration, what: string): number {
  if (typeof duration === 'number') {
    if (Number.isFinite(duration) && duration >= 0) return duration
  } else if (typeof duration === 'string') {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(duration)
    if (match) return Number(match[1]) * units[match[2] as keyof typeof units]
  }
  throw new PabalError(
    'INVALID_OPTION',
    `${what} is ${JSON.stringify(duration)}, which is not a duration: give milliseconds or text such as '800ms', '2s', '5m'`,
  )
}
