/** Kind of the frame, time to live, length of the place. */
const fixed = 9

/** A group that reads a channel's transient messages, and the processes that read for it. */
export class Route {
  /** Names channel and group, as the receiving process knows them. */
  readonly place: string
  readonly group: string
  readonly members: string[] = []
  #turn = 0
  #head: Buffer | undefined

  constructor(channel: string, group: string) {
    this.place = placeOf(channel, group)
    this.group = group
  }

  /** The processes take turns. */
  next(): string {
    const { members } = this
    return members[members.length === 1 ? 0 : this.#turn++ % members.length] as string
  }

  /** How a frame begins, its kind left open; the message follows. Valid until it is asked for again. */
  head(ttl: number): Buffer {
    this.#head ??= Buffer.concat([Buffer.alloc(fixed), Buffer.from(this.place)])
    this.#head.writeUInt32LE(Math.min(ttl, 0xffff_ffff), 1)
    this.#head.writeUInt32LE(this.#head.length - fixed, 5)
    return this.#head
  }
}

export const placeOf = (channel: string, group: string): string => `${channel}\n${group}`

/** Where the message begins in a frame that began with a `head`. */
export const headEnd = (frame: Buffer): number => fixed + frame.readUInt32LE(5)

export const ttlIn = (frame: Buffer): number => frame.readUInt32LE(1)

export const placeIn = (frame: Buffer): string => frame.toString('utf8', fixed, headEnd(frame))
