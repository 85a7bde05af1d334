import type { Message } from '../../message/message.ts'

export interface LogItem {
  readonly position: number
  readonly message: Message
}

/** Who reads a log. */
export interface LogReader {
  /** Messages in order; everything before `next` has been given or is not there. */
  take(items: readonly LogItem[], next: number): void
  /** True while no more should come: what was taken waits in memory. */
  full(): boolean
  /** The log cannot be read any more. */
  failed(error: unknown): void
}

/** A shard's messages in order, as the technology gives them, batch by batch. */
export interface Log {
  open(from: number, reader: LogReader): void
  /** The reader was full and has room. */
  more(): void
  close(): Promise<void>
}

/** A log of a technology that gives one message after the other. */
export function iterated(read: (from: number) => AsyncIterable<LogItem>, close: () => Promise<void>): Log {
  let wake: (() => void) | undefined
  let closed = false
  let reading: Promise<void> = Promise.resolve()
  return {
    open(from, reader) {
      reading = (async () => {
        for await (const item of read(from)) {
          if (closed) return
          reader.take([item], item.position + 1)
          while (!closed && reader.full())
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      })().catch((error: unknown) => reader.failed(error))
    },
    more: () => {
      wake?.()
      wake = undefined
    },
    close: async () => {
      closed = true
      wake?.()
      await close()
      await reading
    },
  }
}
