import type { AmqpChannel } from './driver.ts'

/** Closes a channel. The driver's own promise never settles where the connection ends before the broker answers. */
export function shut(channel: Pick<AmqpChannel, 'close' | 'on'> | undefined): Promise<void> {
  if (channel === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    channel.on('close', () => resolve())
    channel.close().then(resolve, () => resolve())
  })
}
