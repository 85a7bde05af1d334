import type { Runtime } from '../../../runtime/runtime.ts'
import type { AmqpChannel } from '../driver.ts'

/** Closes a channel. The driver's own promise never settles where the connection ends before the broker answers. */
export function shut(channel: Pick<AmqpChannel, 'close' | 'on'> | undefined): Promise<void> {
  if (channel === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    channel.on('close', () => resolve())
    channel.close().then(resolve, () => resolve())
  })
}

const patience = 10_000

/** What a queue is asked may never be answered: one whose node was killed just after making it. */
export function inTime<T>(runtime: Runtime, asked: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = runtime.timer(patience, () => reject(new Error('the queue does not answer')), true)
    asked.then(resolve, reject).finally(() => timer.cancel())
  })
}
