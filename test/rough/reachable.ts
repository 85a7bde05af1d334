import { connect } from 'node:net'

/** Whether something listens there. With PABAL_REQUIRE_SERVERS a missing server is a failure. */
export async function reachable(what: string, port: number): Promise<boolean> {
  const up = await new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
  if (!up && process.env.PABAL_REQUIRE_SERVERS) throw new Error(`${what} does not listen on 127.0.0.1:${port}`)
  if (!up) console.warn(`skipped: ${what} does not listen on 127.0.0.1:${port} (npm run services up)`)
  return up
}
