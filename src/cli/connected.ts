import { existsSync } from 'node:fs'
import { isPabalError, PabalError } from '../errors.ts'
import type { App } from '../service/app.ts'
import { connect } from '../service/connect.ts'
import type { Logger } from '../service/options.ts'
import { transportFrom } from '../service/transports.ts'
import type { Admin, Transport } from '../transport/seam.ts'
import { Unreachable, Usage } from './frame/exit.ts'
import { redacted } from './frame/redact.ts'
import type { Shell } from './frame/shell.ts'
import { paintFor } from './view/paint.ts'

/** How long opening and closing may take, in milliseconds. A broker that does not answer must not hold a script up for ever. */
const openWithin = 15_000
const closeWithin = 5000

/** A store or broker as the command line uses it: the app above it, and the transport itself to look into. */
export interface Connected {
  readonly app: App
  readonly transport: Transport
  /** Throws `UNSUPPORTED` where nobody can look into this one. */
  admin(): Admin
}

/**
 * Opens what the URL names, for as long as `use` takes. Nothing is made there unless `create`. Throws `Unreachable` where it cannot be opened,
 * `Usage` for a URL that means nothing.
 */
export async function connected<T>(url: string, shell: Shell, use: (connected: Connected) => Promise<T>, create = false): Promise<T> {
  if (/^memory:/i.test(url))
    throw new Usage('memory: lives in the process that made it and cannot be seen from here; ask app.channels() there.')
  // Opening would make the file: whoever looks has mistyped its name, or nobody has used it yet.
  const file = /^sqlite:(?:\/\/)?([^?]+)/i.exec(url)?.[1]
  if (file !== undefined && !create && !existsSync(file))
    throw new Unreachable(`There is no file ${file}. Check the path; the first service that connects makes the file.`)
  const transport = await transportFrom(url, shell.runtime)
  const app = await opened(
    connect(transport, { name: 'pabal', logger: loggerOf(url, shell), provision: create ? 'create' : 'check' }),
    url,
    shell,
  )
  try {
    return await use({
      app,
      transport,
      admin: () => {
        if (transport.admin === undefined)
          throw new PabalError(
            'UNSUPPORTED',
            `The transport ${transport.name} does not declare admin, so that nobody can look into its channels`,
          )
        return transport.admin
      },
    })
  } finally {
    await within(app.close({ within: 0 }), closeWithin, shell).catch(() => undefined)
  }
}

async function opened(opening: Promise<App>, url: string, shell: Shell): Promise<App> {
  const where = redacted(url, [url])
  try {
    return await within(opening, openWithin, shell)
  } catch (error) {
    if (error instanceof Late) throw new Unreachable(`${where} did not answer within ${openWithin / 1000} seconds.`)
    if (isPabalError(error)) throw new Unreachable(`${where} cannot be opened: ${error.code}: ${error.message}\n${error.hint}`)
    throw new Unreachable(`${where} cannot be opened: ${(error as Error).message}`)
  }
}

/** What the transport says of itself meanwhile, such as that its broker is gone: whoever listens or watches should know. */
function loggerOf(url: string, shell: Shell): Logger {
  const say = (text: string): void => shell.err.write(`${paintFor(shell.err).yellow(redacted(text, [url]))}\n`)
  return { info: say, warn: say, error: say }
}

class Late extends Error {}

function within<T>(work: Promise<T>, ms: number, shell: Shell): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = shell.runtime.timer(ms, () => reject(new Late()))
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}
