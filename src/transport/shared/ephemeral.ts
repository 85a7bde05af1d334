import { systemRuntime } from '../../runtime/system.ts'
import type { Receive, Sender, SubscribeOptions, Subscription } from '../seam.ts'
import { Bounds } from './bounds.ts'
import { Cursor } from './cursor.ts'
import type { Log } from './log.ts'
import { OwnedShard } from './owned-shard.ts'
import { volatileParks } from './transient.ts'

/** A subscriber without a group: everything from `floors` on, remembered nowhere. */
export async function ephemeral(
  floors: readonly number[],
  log: (n: number) => Log,
  options: SubscribeOptions,
  receive: Receive,
  sender: Sender,
): Promise<Subscription> {
  const bounds = new Bounds(options)
  const nothing = async (): Promise<void> => undefined
  const all = floors.map((floor, n) => {
    const cursor = new Cursor({ floor, done: [] }, nothing, nothing)
    const rest = { parks: volatileParks(), cursor, runtime: systemRuntime, owned: () => true, released: () => undefined }
    return new OwnedShard({ shard: String(n), fence: 1, receive, options, bounds, sender, log: log(n), ...rest })
  })
  await Promise.all(all.map((shard) => shard.start(() => undefined)))
  return {
    stop: () => {
      for (const shard of all) shard.stop(false)
    },
    close: async () => {
      for (const shard of all) shard.giveBack()
      await Promise.all(all.map((shard) => shard.drained().then(() => shard.end())))
    },
  }
}
