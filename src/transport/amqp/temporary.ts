import type { AmqpChannel, AmqpMessage } from './driver.ts'
import { replyCode } from './faults.ts'
import type { Ops } from './ops.ts'
import { headerOf, own } from './wire.ts'

/** How long nothing may come before it is taken for all, in milliseconds: a queue that somebody else reads gives nothing. */
const quiet = 400

/**
 * Reads a queue that nobody reads, up to `most` messages, and lets `act` acknowledge some; the rest goes back in its place when the
 * channel closes. Undefined: the queue is not there, or somebody else is its reader.
 */
export async function whileOwning<T>(
  ops: Ops,
  queue: string,
  most: number,
  act: (messages: readonly AmqpMessage[], channel: AmqpChannel) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await ops.alone(async (channel) => {
      const { messageCount, consumerCount } = await channel.checkQueue(queue)
      if (consumerCount > 0) return undefined
      if (messageCount === 0) return await act([], channel)
      const messages: AmqpMessage[] = []
      const wanted = Math.min(most, messageCount)
      await channel.prefetch(Math.min(65_535, wanted))
      let enough = (): void => undefined
      const reading = new Promise<void>((resolve) => {
        enough = resolve
      })
      let last = 0
      channel.on('close', () => enough())
      await channel.consume(queue, (message) => {
        last++
        if (message !== null && headerOf(message, own.nudge) !== undefined) channel.ack(message)
        else if (message !== null) messages.push(message)
        if (message === null || messages.length >= wanted) enough()
      })
      for (let seen = -1; messages.length < wanted && last !== seen; ) {
        seen = last
        await Promise.race([reading, ops.pause(quiet)])
      }
      const result = await act(messages, channel)
      // What was acknowledged on it is through when it answers.
      await channel.checkQueue(queue).catch(() => undefined)
      return result
    })
  } catch (error) {
    if (replyCode(error) === 404) return undefined
    throw error
  }
}
