import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { host } from './ports.ts'
import type { Recipe } from './recipe.ts'

/** Debian's `rabbitmq-server` runs the server as a user of its own, with its own folders; the script behind it takes ours. */
const debian = '/usr/lib/rabbitmq/bin/rabbitmq-server'

export const rabbitmq: Recipe = {
  name: 'rabbitmq',
  port: portOf(process.env.PABAL_AMQP_URL) ?? 5672,
  // the second for the Erlang runtime, which wants one even of a single node
  ports: 2,
  url: (port) => `amqp://guest:guest@${host}:${port}`,
  needs: [{ command: 'rabbitmq-server', packages: ['rabbitmq-server'] }],
  prepare: async ({ folder, config }) => {
    writeFileSync(join(folder, 'rabbitmq.conf'), config.map((line) => `${line}\n`).join(''))
    writeFileSync(join(folder, 'plugins'), '[].\n')
  },
  run: ({ folder, ports: [port, dist] }) => ({
    file: existsSync(debian) ? debian : 'rabbitmq-server',
    args: [],
    env: {
      HOME: folder,
      RABBITMQ_NODENAME: `pabal${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: host,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(dist),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2',
      ERL_EPMD_ADDRESS: host,
      RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'db'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'rabbit.pid'),
    },
  }),
  patience: 60,
}

function portOf(url: string | undefined): number | undefined {
  if (url === undefined) return undefined
  return Number(new URL(url).port || 5672)
}
