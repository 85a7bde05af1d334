import { isPabalError, PabalError } from '../errors.ts'
import { textOf } from '../interaction/validate.ts'
import { type Duration, milliseconds } from '../runtime/duration.ts'
import type { Logger } from './options.ts'

/** What a process can be asked to end with. Named here, so that nobody needs Node's types to read ours. */
export type Signal = (typeof known)[number]
const known = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGBREAK', 'SIGUSR1', 'SIGUSR2'] as const

export interface SignalOptions {
  /** How long running handlers may take. Default: the `drain` of `connect`. */
  readonly within?: Duration | undefined
  /** End the process when closed: with code 0, or 1 where the drain did not end in time. Default true. */
  readonly exit?: boolean | undefined
}

/** Closes at the first of these signals, ends the process at the second. Returns what stops the listening. */
export function closeOnSignals(signals: readonly Signal[], options: SignalOptions, close: () => Promise<void>, logger: Logger): () => void {
  for (const signal of signals)
    if (!known.includes(signal))
      throw new PabalError(
        'INVALID_OPTION',
        `closeOn: ${JSON.stringify(signal)} is no signal to close on, give some of ${known.join(', ')}`,
      )
  for (const name of Object.keys(options))
    if (name !== 'within' && name !== 'exit')
      throw new PabalError('UNKNOWN_OPTION', `closeOn: there is no option ${JSON.stringify(name)}; there are within, exit`)
  // Now, since when the signal comes nobody would hear of it.
  if (options.within !== undefined) milliseconds(options.within, 'closeOn: the option within')
  let closing = false
  const stop = (): void => {
    for (const signal of signals) process.removeListener(signal, heard)
  }
  const heard = (signal: string): void => {
    if (closing) process.exit(130)
    closing = true
    logger.info(`pabal: ${signal}: closing; a second signal ends the process at once`)
    close().then(
      () => {
        if (options.exit !== false) process.exit(0)
        stop()
      },
      (error: unknown) => {
        // Its stack leads into Pabal and says nothing; that of a cause does.
        logger.error(`pabal: ${signal}: ${textOf(error)}`, isPabalError(error) ? error.cause : error)
        if (options.exit !== false) process.exit(1)
        process.exitCode = 1
        stop()
      },
    )
  }
  for (const signal of signals) process.on(signal, heard)
  return stop
}
