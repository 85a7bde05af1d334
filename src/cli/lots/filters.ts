import type { Which } from '../../delivery/waiting.ts'
import type { App } from '../../service/app.ts'
import { duration, wholeNumber } from '../frame/arguments.ts'
import { Usage } from '../frame/exit.ts'
import { type Chosen, chooseByIds, type LotName, lotOf, placesOf } from './places.ts'

/** Which messages: the same for everything that is done to them. */
export const filterArgs = {
  channel: { type: 'string', alias: 'c', valueHint: 'CHANNEL', description: 'only those of this channel' },
  group: { type: 'string', alias: 'g', valueHint: 'GROUP', description: 'only those of this subscribing group' },
  code: { type: 'string', valueHint: 'CODE', description: 'only with this error code, such as ATTEMPTS_SPENT' },
  reason: { type: 'string', valueHint: 'TEXT', description: 'only where the reason contains this, in any case of letters' },
  type: { type: 'string', alias: 't', valueHint: 'TYPE', description: 'only messages of this type' },
  key: { type: 'string', alias: 'k', valueHint: 'KEY', description: 'only messages of this key' },
  'older-than': { type: 'string', valueHint: 'TIME', description: 'only what failed at least so long ago: 30s, 10m, 2h' },
} as const

export type FilterValues = { readonly [K in keyof typeof filterArgs]: string | undefined }

export interface Selection {
  readonly chosen: readonly Chosen[]
  readonly byId: boolean
}

/** The messages that are meant: those named by their ids, or all that the filters leave. */
export async function select(app: App, name: LotName, args: FilterValues, ids: readonly string[], limit?: number): Promise<Selection> {
  const filters: Which = {
    code: args.code,
    reason: args.reason,
    type: args.type,
    key: args.key,
    olderThan: args['older-than'] === undefined ? undefined : duration(args['older-than'], '--older-than'),
  }
  if (ids.length > 0 && (limit !== undefined || Object.values(filters).some((value) => value !== undefined)))
    throw new Usage('Give ids or filters, not both.')
  const places = placesOf(await app.channels(), name, args.channel, args.group)
  if (ids.length > 0) return { chosen: await chooseByIds(lotOf(app, name), places, ids), byId: true }
  return { chosen: places.map(({ place }) => ({ place, which: { ...filters, limit } })), byId: false }
}

export const limitOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : wholeNumber(text, '--limit'))
