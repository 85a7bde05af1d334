import { isIP } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import type { Settings } from '../options.ts'

const within = 10_000

/**
 * Tries TLS before the driver does. The driver listens to the first error of a socket only, and a refused handshake may have two: the
 * second would end the process.
 */
export function tryHandshake({ hostname, port, tls }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    const servername = tls.servername ?? (isIP(hostname) ? undefined : hostname)
    const socket = connect({ host: hostname, port, ...(tls as ConnectionOptions), ...(servername === undefined ? {} : { servername }) })
    socket.setTimeout(within, () => socket.destroy(new Error('the TLS handshake takes too long')))
    socket.on('error', reject)
    socket.once('secureConnect', () => {
      resolve()
      socket.end()
    })
    socket.once('close', () => reject(new Error('the TLS handshake was cut off')))
  })
}
