import { isPabalError, PabalError } from '../../errors.ts'
import type { Settings } from './options.ts'

/** What went wrong while connecting, with a code. The driver's text holds no password; the address is shown without. */
export function openFault(cause: unknown, { shown, username, vhost }: Settings): PabalError {
  if (isPabalError(cause)) return cause
  const { message: text = String(cause), code } = cause as { message?: string; code?: unknown }
  if (/ACCESS_REFUSED|\b403\b/.test(text) && /login|auth|credentials|ACCESS/i.test(text))
    return failure('ACCESS_REFUSED', `${shown} refuses the user ${JSON.stringify(username)}: ${brief(text)}`, cause)
  // The driver keeps the broker's reason to itself here. (A port may hold the number too.)
  if (/NOT_ALLOWED|\b530\b|ConnectionClose/.test(text))
    return failure(
      'ACCESS_REFUSED',
      `${shown}: the vhost ${JSON.stringify(vhost)} is not there, or the user ${JSON.stringify(username)} has no right to it`,
      cause,
    )
  if (/certificate|self.signed|TLS|SSL|altname|ERR_TLS|wrong version/i.test(`${text} ${String(code)}`))
    return failure('TLS_REFUSED', `${shown}: no trusted TLS connection came about: ${brief(text)}`, cause)
  return failure('BROKER_UNREACHABLE', `${shown} cannot be reached: ${brief(text)}`, cause)
}

const failure = (code: 'ACCESS_REFUSED' | 'TLS_REFUSED' | 'BROKER_UNREACHABLE', message: string, cause: unknown): PabalError =>
  new PabalError(code, message, { cause })

/** The broker's own words, without what the driver puts before them. */
export function brief(error: unknown): string {
  const text = error instanceof Error ? error.message || ((error as { code?: string }).code ?? error.name) : String(error)
  return (
    text
      .replace(/^.*?\d{3} \([A-Z-]+\) with message "?/, '')
      .replace(/"$/, '')
      // OpenSSL's: numbers before, its own source file behind.
      .replace(/^[0-9A-F]+:error:[0-9A-F]+:|:\.\.\/\S*\s*$/g, '')
      .trim()
      .slice(0, 400)
  )
}

/** The reply code of a channel that the broker closed: 404 not there, 406 different, 403 not allowed, 405 locked. */
export const replyCode = (error: unknown): number | undefined => {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'number' ? code : undefined
}
