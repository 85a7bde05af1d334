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
}

describe.skipIf(!up)('the seam on NATS JetStream', { concurrent: true }, () => {
  afterAll(async () => {
    const nc = await connect({ servers: address })
    const jsm = await jetstreamManager(nc)
    for await (const name of jsm.streams.names()) if (name.startsWith(`${prefix}_`)) await jsm.streams.delete(name)
    await nc.close()
  })

  for (const { name, run, timeout } of conformance(world)) it(name, { timeout }, async () => expect(await run()).toBeDefined())
})
