import { PabalError } from '../../errors.ts'
import type { HubOptions } from './options.ts'

const numbers = ['shards', 'maxMessages', 'maxBytes', 'maxMessageBytes']

/** The options in `memory:` or `memory:?shards=4&maxMessages=1000`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function optionsFromUrl(url: string): Partial<Omit<HubOptions, 'runtime'>> {
  const [path = '', query = ''] = url.slice('memory:'.length).split('?', 2)
  if (path !== '')
    throw new PabalError(
      'INVALID_OPTION',
      `${url}: memory: has no path, since nothing of it outlives the process; give memory: alone or memory:?shards=4`,
    )
  const options: Record<string, number> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (!numbers.includes(name))
      throw new PabalError('UNKNOWN_OPTION', `${url}: memory: does not know the option "${name}"; it knows ${numbers.join(', ')}`)
    if (!/^\d{1,15}$/.test(value))
      throw new PabalError('INVALID_OPTION', `${url}: the option ${name} is ${JSON.stringify(value)}, give a whole number`)
    options[name] = Number(value)
  }
  return options
}
