import type { Channel } from '../../channel/channel.ts'
import { shardOf } from '../../channel/shard.ts'
import { FrameWriter } from '../../message/frame.ts'
import type { Message } from '../../message/message.ts'
import type { Outgoing } from '../seam.ts'
import type { DelayRow, Pack } from './protocol.ts'

/** A segment grows to about this; more is another one. */
const packBytes = 1024 * 1024

class ChannelPack {
  readonly channel: Channel
  readonly writer: FrameWriter
  count = 0

  constructor(channel: Channel, expected: number) {
    this.channel = channel
    this.writer = new FrameWriter(expected)
  }
}

const single = new FrameWriter()

/** The message as one frame, in a buffer of its own. */
export function frameOf(message: Message): Uint8Array {
  single.write(message)
  // What is sent to the worker takes its whole underlying memory along.
  return single.copy()
}

let turn = 0

/** Unkeyed messages take the shards in turn. */
export function shardFor(message: Message, shards: number): number {
  return message.key === undefined ? turn++ % shards : shardOf(message.key, shards)
}

/** Packs durable messages by channel, in the order in which they come. */
export class Packer {
  readonly #shards: number
  readonly #open = new Map<string, ChannelPack>()
  #full: Pack[] = []
  #delays: DelayRow[] = []
  /** Bytes of the last pack: a pack that grew from nothing would be copied as often as it doubled. */
  #expected = 1024
  count = 0

  constructor(shards: number) {
    this.#shards = shards
  }

  add({ channel, message, notBefore }: Outgoing): void {
    this.count++
    const shard = shardFor(message, this.#shards)
    if (notBefore !== undefined) {
      this.#delays.push({
        channel: { address: channel.address, kind: channel.kind },
        due: Math.ceil(notBefore),
        shard,
        frame: frameOf(message),
      })
      return
    }
    let pack = this.#open.get(channel.address)
    if (pack === undefined)
      this.#open.set(channel.address, (pack = new ChannelPack({ address: channel.address, kind: channel.kind }, this.#expected)))
    pack.writer.write(message, shard)
    pack.count++
    if (pack.writer.length >= packBytes) this.#close(pack)
  }

  #close(pack: ChannelPack): void {
    this.#full.push({ channel: pack.channel, count: pack.count, bytes: pack.writer.take() })
    this.#open.delete(pack.channel.address)
    this.#expected = pack.writer.expected
  }

  /** What was packed, and the buffers to be transferred; the packer starts anew. */
  take(): { packs: Pack[]; delays: DelayRow[] } {
    for (const pack of this.#open.values()) this.#close(pack)
    const taken = { packs: this.#full, delays: this.#delays }
    this.#full = []
    this.#delays = []
    this.count = 0
    return taken
  }
}
