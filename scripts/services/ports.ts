import { connect, createServer } from 'node:net'

export const host = '127.0.0.1'

/** Whether something listens there. */
export function listens(port: number, at: string = host): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, at)
    socket.setTimeout(2000)
    const end = (found: boolean) => {
      socket.destroy()
      resolve(found)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}

/**
 * Ports that nobody listens on. Below those which the system gives to outgoing connections: while a server is down, a client that tries
 * to reach it again could be given its port, and connect to itself.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  for (let tries = 0; found.size < count; tries++) {
    if (tries > 200) throw new Error(`there are no ${count} free ports between 20000 and 32000`)
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (await isFree(port)) found.add(port)
  }
  return [...found]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
