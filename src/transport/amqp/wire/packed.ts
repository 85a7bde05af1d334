import type { AmqpConnection } from '../driver.ts'

interface Socket {
  write(chunk: Buffer): boolean
  cork(): void
  uncork(): void
}

/**
 * Lets what is written to the socket in one turn leave in one system call. The driver writes each frame by itself, which costs
 * more than all else it does. Nothing waits for it: the turn's end is the end of the driver's own loop.
 */
export function packed(connection: AmqpConnection): void {
  const socket = (connection.connection as { stream?: Partial<Socket> } | undefined)?.stream
  if (typeof socket?.write !== 'function' || typeof socket.cork !== 'function' || typeof socket.uncork !== 'function') return
  const { cork, uncork } = socket as Socket
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  let corked = false
  const end = (): void => {
    corked = false
    uncork.call(socket)
  }
  socket.write = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true
      cork.call(socket)
      process.nextTick(end)
    }
    return write(...args)
  }
}
