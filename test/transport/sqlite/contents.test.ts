import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { codes, consumer, done, elsewhere, look, opened, outgoing, place, sleep, topic, until } from './stores.ts'

test('a message of 30 MiB comes as it was sent, one that is larger than the limit is refused', async () => {
  const { transport } = await opened({ file: place() })
  const body = Buffer.alloc(30 * 1024 * 1024)
  for (let i = 0; i < body.length; i += 4) body.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)
  const { deliveries } = await consumer(transport, () => done, { maxBytes: 1000 })
  expect(codes(await transport.send([outgoing('large', 'k', { body }), outgoing('after', 'k')]))).toEqual(['sent'])
  expect(codes(await transport.send([outgoing('larger', 'k', { body: Buffer.alloc(33 * 1024 * 1024) })]))).toEqual(['MESSAGE_TOO_LARGE'])
  await until(
    () => deliveries.length === 2,
    () => `${deliveries.length} came`,
  )
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  expect(deliveries.map(({ message }) => message.id)).toEqual(['large', 'after'])
  expect(hash(deliveries[0]?.message.body as Uint8Array)).toBe(hash(body))
})

test('delays go on through a restart, in order of their time', async () => {
  const file = place()
  const first = await opened({ file })
  const now = Date.now()
  const delays = [1500, 700, 1100]
  expect(
    codes(await first.transport.send([outgoing('now'), ...delays.map((ms) => outgoing(`in-${ms}`, 'k', { notBefore: now + ms }))])),
  ).toEqual(['sent'])
  expect((await first.transport.admin?.depths())?.find(({ channel }) => channel.address === 'queue')?.waiting).toBe(4)
  await first.transport.close()
  const { transport } = await opened({ file })
  const came: [string, number][] = []
  await consumer(transport, ({ message }) => {
    came.push([message.id, Date.now() - now])
    return done
  })
  await until(
    () => came.length === 4,
    () => JSON.stringify(came),
  )
  expect(came.map(([id]) => id)).toEqual(['now', 'in-700', 'in-1100', 'in-1500'])
  for (const [id, after] of came.slice(1)) expect(after).toBeGreaterThanOrEqual(Number(id.slice(3)))
})

test('what is given back until later waits for its time at its next owner, too', async () => {
  const file = place()
  const givenBack = new Map<string, number>()
  const waited: number[] = []
  const owners = new Map<string, string[]>()
  for (const name of ['a', 'b']) {
    const { transport } = await opened({ file })
    await consumer(transport, ({ message: { id } }) => {
      owners.set(id, [...(owners.get(id) ?? []), name])
      const at = givenBack.get(id)
      if (at !== undefined) {
        waited.push(Date.now() - at)
        return done
      }
      givenBack.set(id, Date.now())
      return { release: { after: 400 } }
    })
  }
  const { transport } = await opened({ file })
  await transport.send(Array.from({ length: 40 }, (_, n) => outgoing(`m${n}`, `k${n}`)))
  await until(
    () => waited.length === 40,
    () => `${waited.length} of 40`,
  )
  expect(Math.min(...waited)).toBeGreaterThanOrEqual(400)
  // a release offers the shard to the other
  expect([...owners.values()].filter(([first, second]) => first !== second).length).toBeGreaterThan(0)
})

test('what is delayed comes when it is due, in a store where nothing else happens', async () => {
  const { transport } = await opened({ file: place() })
  const came: number[] = []
  await consumer(transport, ({ message }) => {
    came.push(Date.now() - Number(message.id))
    return message.key === 'emits' ? { emit: [outgoing(String(Date.now()), 'k', { notBefore: Date.now() + 400 })] } : done
  })
  const sent = Date.now()
  await transport.send([outgoing(String(sent), 'emits', { notBefore: sent + 300 })])
  await until(
    () => came.length === 2,
    () => `${came.length} of 2`,
    5000,
  )
  expect(came[0]).toBeGreaterThanOrEqual(300)
  expect(came[1]).toBeGreaterThanOrEqual(400)
})

test('what is due while nobody runs comes at the next start', async () => {
  const file = place()
  const first = await opened({ file })
  await first.transport.send([outgoing('late', 'k', { notBefore: Date.now() + 50 })])
  await first.transport.close()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const { ids } = await consumer((await opened({ file })).transport)
  await until(
    () => ids().length === 1,
    () => 'nothing came',
  )
})

test('two subscriptions of one group in one process share its shards: each message once, each key in order', async () => {
  const { transport } = await opened({ file: place() })
  const owned = new Map<string, string[]>()
  const taken = (name: string) => ({ assigned: (shard: string) => void owned.set(shard, [...(owned.get(shard) ?? []), name]) })
  const a = await consumer(transport, () => done, taken('a'))
  // the first look at the file, which would also find what was missed, is over
  await sleep(1500)
  const b = await consumer(transport, () => done, taken('b'))
  await until(
    () => owned.size === 16 && [...owned.values()].filter((names) => names.at(-1) === 'b').length === 8,
    () => JSON.stringify([...owned]),
  )
  for (let round = 0; round < 20; round++) await transport.send(Array.from({ length: 50 }, (_, i) => outgoing(`${i}:${round}`, `k${i}`)))
  await until(
    () => a.deliveries.length + b.deliveries.length >= 1000,
    () => `${a.deliveries.length} + ${b.deliveries.length}`,
  )
  const all = [...a.ids(), ...b.ids()]
  expect(new Set(all).size).toBe(1000)
  expect(all.length).toBe(1000)
  expect(a.deliveries.length).toBeGreaterThan(200)
  expect(b.deliveries.length).toBeGreaterThan(200)
  for (const ids of [a.ids(), b.ids()])
    for (let i = 0; i < 50; i++) {
      const rounds = ids.filter((id) => id.startsWith(`${i}:`)).map((id) => Number(id.split(':')[1]))
      expect(rounds).toEqual([...rounds].sort((x, y) => x - y))
    }
  // the second goes: the first has all
  await b.subscription.close()
  await transport.send(Array.from({ length: 100 }, (_, i) => outgoing(`later-${i}`, `k${i}`)))
  await until(
    () => a.ids().filter((id) => id.startsWith('later')).length === 100,
    () => 'the first does not have all shards',
  )
})

test('a subscriber without a group is gone with its process, and so is what it did not read', async () => {
  const file = place()
  const { transport } = await opened({ file })
  const member = await elsewhere({ file })
  let came = 0
  await member.transport.subscribe(topic, { durable: true, maxMessages: 10, maxBytes: 1e6 }, () => {
    came++
    return new Promise(() => {})
  })
  const groups = () => look(file, "SELECT 1 FROM grp WHERE name LIKE '~%'").length
  expect(groups()).toBe(1)
  for (let n = 0; n < 50; n++) await transport.send([outgoing(`e${n}`, `k${n}`, { channel: topic })])
  await until(
    () => came === 10,
    () => `${came} came`,
  )
  expect(look(file, 'SELECT 1 FROM segment')).not.toHaveLength(0)
  await member.kill()
  await until(
    () => groups() === 0,
    () => 'the group is still there',
  )
  await until(
    async () => {
      await transport.send([outgoing('more', 'k')])
      return look(file, "SELECT 1 FROM segment WHERE channel = (SELECT id FROM channel WHERE address = 'topic')").length === 0
    },
    () => `segments are left: ${look(file, 'SELECT 1 FROM segment').length}`,
  )
  expect(look(file, 'SELECT 1 FROM lease WHERE grp NOT IN (SELECT id FROM grp)')).toEqual([])
})

test('a subscriber without a group that was killed when nobody else ran is gone at the next start', async () => {
  const file = place()
  const member = await elsewhere({ file })
  await member.transport.subscribe(topic, { durable: true, maxMessages: 10, maxBytes: 1e6 }, () => new Promise(() => {}))
  await member.transport.send([outgoing('e', 'k', { channel: topic })])
  await member.kill()
  expect(look(file, "SELECT 1 FROM grp WHERE name LIKE '~%'")).toHaveLength(1)
  await opened({ file })
  await until(
    () => look(file, "SELECT 1 FROM grp WHERE name LIKE '~%'").length === 0 && look(file, 'SELECT 1 FROM member').length === 1,
    () => 'the group is still there',
  )
})

test('1,000 messages in the hands of a killed process are all handled by another, counted as lost once', async () => {
  const file = place()
  const victim = await elsewhere({ file })
  const held = await consumer(victim.transport, () => new Promise(() => {}))
  const { transport } = await opened({ file })
  const batch = Array.from({ length: 1000 }, (_, i) => outgoing(`m${i}`, `k${i % 100}`))
  await transport.send(batch)
  await until(
    () => held.deliveries.length === 1000,
    () => `${held.deliveries.length} in flight`,
  )
  const second = await consumer(transport)
  const killed = performance.now()
  await victim.kill()
  await until(
    () => second.deliveries.length > 0,
    () => 'nothing came',
  )
  const first = performance.now() - killed
  await until(
    () => second.deliveries.length === 1000,
    () => `${second.deliveries.length} came`,
  )
  console.log(
    `takeover of 1,000 in flight: the first after ${first.toFixed(0)} ms, all after ${(performance.now() - killed).toFixed(0)} ms`,
  )
  expect(new Set(second.ids()).size).toBe(1000)
  expect(second.deliveries.filter(({ lost }) => lost !== 1)).toEqual([])
  for (let key = 0; key < 100; key++) {
    const numbers = second.deliveries.filter(({ message }) => message.key === `k${key}`).map(({ message }) => Number(message.id.slice(1)))
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  }
})
