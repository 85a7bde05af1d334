import { readFrame } from '../../message/frame.ts'
import type { Message } from '../../message/message.ts'
import type { Admin, Depth, ParkNote, Place, Stored } from '../seam.ts'
import type { StoreClient } from './client.ts'
import { asBuffer } from './db/pack.ts'
import { frameOf, shardFor } from './packer.ts'
import { delayedSub } from './protocol.ts'

/** What a person does to messages that wait in the file. `touched`: the lots of a channel changed. */
export class SqliteAdmin implements Admin {
  readonly #store: StoreClient
  readonly #shards: number
  readonly #touched: (channel: string) => void

  constructor(store: StoreClient, shards: number, touched: (channel: string) => void) {
    this.#store = store
    this.#shards = shards
    this.#touched = touched
  }

  async depths(): Promise<readonly Depth[]> {
    const rows = await this.#store.call('depths', {})
    return rows.map(({ channel, group, waiting, parked, oldest, owners, shards }) => ({
      channel,
      group: channel.kind === 'point-to-point' ? undefined : group,
      waiting,
      parked,
      oldest: oldest ?? undefined,
      owners,
      shards,
    }))
  }

  async browse(
    place: Place,
    { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly Stored[]> {
    const rows = await this.#store.call('browse', { ...where(place), parked: place.parked === true, limit, after })
    return rows.map(({ pos, sub, frame, note, due }) => ({
      position: `${pos}.${sub}`,
      message: readFrame(asBuffer(frame), 0),
      note: note ?? undefined,
      notBefore: due,
    }))
  }

  async amend(place: Place, position: string, note: ParkNote, message?: Message): Promise<boolean> {
    const done = await this.#store.call('amend', { ...where(place), ...idOf(position), note, frame: message && frameOf(message) })
    if (done) this.#touched(place.channel.address)
    return done
  }

  async move(from: Place, position: string, to: Place, note: ParkNote, message?: Message): Promise<boolean> {
    // Dead letters and invalid messages are never delayed; what is goes by itself when it is due.
    if (idOf(position).sub === delayedSub) return false
    const moved = message ?? (await this.#at(from, position))
    if (moved === undefined) return false
    const done = await this.#store.call('move', {
      from: where(from),
      pos: idOf(position).pos,
      to: where(to),
      shard: shardFor(moved, this.#shards),
      key: moved.key ?? null,
      note,
      frame: frameOf(moved),
    })
    if (done) this.#touched(to.channel.address)
    return done
  }

  async #at(place: Place, position: string): Promise<Message | undefined> {
    const [found] = await this.browse(place, { limit: 1, after: `${idOf(position).pos - 1}.0` })
    return found?.position === position ? found.message : undefined
  }

  discard(place: Place, position: string): Promise<boolean> {
    return this.#store.call('discard', { ...where(place), parked: place.parked === true, ...idOf(position) })
  }
}

const where = ({ channel, group }: Place): { channel: string; group: string } => ({
  channel: channel.address,
  group: channel.kind === 'point-to-point' ? '' : (group ?? ''),
})

function idOf(position: string): { pos: number; sub: number } {
  const [pos = -2, sub = 0] = position.split('.').map(Number)
  return { pos: Number.isFinite(pos) ? pos : -2, sub: Number.isFinite(sub) ? sub : 0 }
}
