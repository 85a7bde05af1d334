import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { conformance, hostedMember, type World } from '../../src/testing/index.ts'
import { RoughNats } from './nats.ts'
import { reachable } from './reachable.ts'

const address = '127.0.0.1:4222'
const prefix = `rough${systemRuntime.id().replaceAll('-', '')}`
const up = await reachable('NATS', 4222)

const world: World = {
  name: 'nats',
  member: () => new RoughNats(address, prefix),
  mortal: () => hostedMember(new URL('./nats-member.ts', import.meta.url), [address, prefix]),
  patience: 20_000,
  calls: 10_000,
}

/** They load the machine, or need it for themselves: one after the other. */
const alone = new Set(['2', '7', '9', '20', '22', '27', '30d'])
const scenarios = conformance(world)

describe.skipIf(!up)('the seam on NATS JetStream', () => {
  afterAll(async () => {
    const nc = await connect({ servers: address })
    const jsm = await jetstreamManager(nc)
    for await (const name of jsm.streams.names()) if (name.startsWith(`${prefix}_`)) await jsm.streams.delete(name)
    await nc.close()
  })

  for (const { id, name, run, timeout } of scenarios) {
    const test = alone.has(id) ? it : it.concurrent
    test(name, { timeout }, async () => expect(await run()).toBeDefined())
  }
})
