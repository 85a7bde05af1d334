import { join } from 'node:path'
import { host } from './ports.ts'
import type { Recipe } from './recipe.ts'

export const nats: Recipe = {
  name: 'nats',
  port: 4222,
  ports: 1,
  url: (port) => `nats://${host}:${port}`,
  needs: [{ command: 'nats-server', packages: ['nats-server'] }],
  run: ({ folder, ports: [port] }) => ({ file: 'nats-server', args: ['-a', host, '-p', String(port), '-js', '-sd', join(folder, 'data')] }),
  patience: 20,
}
