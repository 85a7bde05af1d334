import type { DeliveryEvent } from '../delivery/types.ts'
import type { Logger } from './options.ts'

const nothing = (): void => {}

/** Says nothing. */
const silent: Logger = { info: nothing, warn: nothing, error: nothing }

/** Where nobody gave a logger: a handler that fails must not be silent. One line each; the error behind a lost message in full. */
const consoleLogger: Logger = {
  info: nothing,
  warn: (message) => console.warn(message),
  error: (...said) => console.error(...said),
}

export function loggerOf(given: Logger | false | undefined): Logger {
  return given === false ? silent : (given ?? consoleLogger)
}

/** Says what became of a delivery: what is tried again is a warning, what waits for a person is an error. */
export function logDelivery(logger: Logger, { what, channel, group, message, error }: DeliveryEvent): void {
  const by = group === undefined || group === channel ? '' : ` by ${group}`
  const text = `pabal: ${what}: ${message.type} ${message.id} on ${channel}${by}${error === undefined ? '' : `: ${error.code}: ${error.message}`}`
  if (what === 'discarded') logger.info(text)
  else if (what === 'failed' || what === 'unknown') logger.warn(text, error)
  else {
    const cause = causeOf(error)
    if (cause === undefined) logger.error(text)
    else logger.error(text, cause)
  }
}

/** The error of the handler's own code, whose stack helps; ours around it says no more than the line does. */
function causeOf(error: unknown): unknown {
  let found: unknown
  for (let at = error; typeof at === 'object' && at !== null && 'cause' in at && at.cause !== undefined; at = at.cause) found = at.cause
  return found
}
