import { afterAll, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import type { Transport } from '../../src/transport/seam.ts'
import { reachable } from '../rough/reachable.ts'
import { Environment, url } from './broker.ts'

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))

/** A broker gives out what lies in a queue only by taking it away for a while. */
describe.skipIf(!up)('whoever looks changes nothing', () => {
  const environment = new Environment('look')
  afterAll(() => environment.sweep(), 60_000)
  const member = () => environment.member(2)
  const ids = async ({ admin }: Transport, channel: Channel, limit: number) =>
    (await admin?.browse({ channel }, { limit }))?.map(({ message }) => message.id)

  test('the order stays, however often and by how many at once the first of a queue is looked at', { timeout: 60_000 }, async () => {
    const channel: Channel = { address: 'kitchen.dead', kind: 'point-to-point' }
    const one = await member()
    await one.provision([channel], 'create')
    const all = ['m-1', 'm-2', 'm-3', 'm-4', 'm-5']
    for (const id of all) await one.send([{ channel, durable: true, message: sampleMessage(id, 1, { key: 'o-1' }) }])
    for (const limit of [1, 5, 2, 5, 1, 1, 5]) expect(await ids(one, channel, limit)).toEqual(all.slice(0, limit))
    const others = await Promise.all([member(), member()])
    const seen = await Promise.all([one, ...others].map((who) => ids(who, channel, 5)))
    expect(seen).toEqual([all, all, all])
    expect(await ids(one, channel, 5)).toEqual(all)
  })

  test('many who ask at once which channels there are each see them all', { timeout: 60_000 }, async () => {
    const members = await Promise.all(Array.from({ length: 6 }, member))
    for (let round = 0; round < 5; round++) {
      const depths = await Promise.all(members.map(({ admin }) => admin?.depths()))
      expect(depths.map((rows) => rows?.map(({ channel, waiting }) => `${channel.address} ${waiting}`))).toEqual(
        members.map(() => ['kitchen.dead 5']),
      )
    }
  })
})
