import { Faults } from '../../errors.ts'
import type { HubOptions } from './options.ts'

const numbers = ['shards', 'maxMessages', 'maxBytes', 'maxMessageBytes']

/** The options in `memory:` or `memory:?shards=4&maxMessages=1000`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function optionsFromUrl(url: string): Partial<Omit<HubOptions, 'runtime'>> {
  const [path = '', query = ''] = url.slice('memory:'.length).split('?', 2)
  const faults = new Faults()
  if (path !== '')
    faults.add('INVALID_OPTION', 'memory: has no path, since nothing of it outlives the process; give memory: alone or memory:?shards=4')
  const options: Record<string, number> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (!numbers.includes(name))
      faults.add('UNKNOWN_OPTION', `memory: does not know the option ${JSON.stringify(name)}; it knows ${numbers.join(', ')}`)
    else if (!/^\d{1,15}$/.test(value))
      faults.add('INVALID_OPTION', `the option ${name} is ${JSON.stringify(value)}, give a whole number without a unit`)
    else options[name] = Number(value)
  }
  faults.throwIfAny('INVALID_OPTION', url)
  return options
}
