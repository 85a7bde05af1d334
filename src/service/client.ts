import type { MessageData, ServiceData } from '../contract/data.ts'
import { Faults, PabalError } from '../errors.ts'
import { type Duration, milliseconds } from '../runtime/duration.ts'
import type { Core } from './core.ts'
import { unknownOptions } from './options.ts'
import { isContract } from './plan.ts'
import { DirectSpeaker } from './speaker.ts'
import { clientCall } from './voice.ts'

export interface ClientOptions {
  /** The deadline of requests and gathers that name none. Default: the app's. */
  readonly within?: Duration | undefined
}

/** One function (or object with `gather`) for each message that the contract takes; the typed `Client` is this, seen through its contract. */
export function clientOf(core: Core, contract: ServiceData, options: ClientOptions): object {
  if (!isContract(contract))
    throw new PabalError('INVALID_CONFIGURATION', 'client was not given a contract: pass what defineService returned')
  const what = `client of ${contract.name}`
  const faults = new Faults()
  unknownOptions(options, ['within'], what, faults)
  faults.throwIfAny('INVALID_CONFIGURATION', what)
  const within = options.within === undefined ? core.settings.within : milliseconds(options.within, `${what}: the option within`)
  const speaker = new DirectSpeaker(core, core.settings.name)
  const client: Record<string, unknown> = Object.create(null)
  const sections: readonly Readonly<Record<string, MessageData>>[] = [contract.commands, contract.documents, contract.queries]
  for (const section of sections) for (const [name, data] of Object.entries(section)) client[name] = clientCall(speaker, data, within)
  return Object.freeze(client)
}
