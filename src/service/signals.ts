import { textOf } from '../interaction/validate.ts'
import type { Duration } from '../runtime/duration.ts'
import type { Logger } from './options.ts'

/** What a process can be asked to end with. Named here, so that nobody needs Node's types to read ours. */
export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGQUIT' | 'SIGBREAK' | 'SIGUSR1' | 'SIGUSR2'

export interface SignalOptions {
  /** How long running handlers may take. Default: the `drain` of `connect`. */
  readonly within?: Duration | undefined
  /** End the process when closed: with code 0, or 1 where the drain did not end in time. Default true. */
  readonly exit?: boolean | undefined
}

/** Closes at the first of these signals, ends the process at the second. Returns what stops the listening. */
export function closeOnSignals(signals: readonly Signal[], options: SignalOptions, close: () => Promise<void>, logger: Logger): () => void {
  let closing = false
  const stop = (): void => {
    for (const signal of signals) process.removeListener(signal, heard)
  }
  const heard = (signal: string): void => {
    if (closing) process.exit(130)
    closing = true
    logger.info(`${signal}: closing; a second signal ends the process at once`)
    close().then(
      () => {
        if (options.exit !== false) process.exit(0)
        stop()
      },
      (error: unknown) => {
        logger.error(`${signal}: ${textOf(error)}`, error)
        if (options.exit !== false) process.exit(1)
        process.exitCode = 1
        stop()
      },
    )
  }
  for (const signal of signals) process.on(signal, heard)
  return stop
}
