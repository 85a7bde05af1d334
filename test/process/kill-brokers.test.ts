import { describe, expect, test } from 'vitest'
import { chaos } from './chaos/director.ts'
import { canStage, type TransportName } from './chaos/stage.ts'

/** Of producers and consumers: two and three at a time, so at least ten of each. */
const kills = 25

/** Transports with a broker, and how often it is killed beside its clients. */
describe.each([
  ['amqp', 10],
  ['kafka', 10],
] satisfies [TransportName, number][])('%s', async (transport, brokerKills) => {
  const can = await canStage(transport)

  test.skipIf(!can)(`ten kills of producers and consumers at least, of the broker ${brokerKills}`, { timeout: 600_000 }, async () => {
    const seed = Number(process.env.PABAL_SEED ?? Date.now() % 1_000_000)
    const { faults, ...numbers } = await chaos({ kills, brokerKills, seed, transport })
    console.log(`${transport}: ${JSON.stringify(numbers)}`)
    const again = `npm run kill -- --transport ${transport} --kills ${kills} --broker-kills ${brokerKills} --seed ${seed}`
    expect(faults, `again with: ${again}`).toEqual([])
    expect(numbers.kills).toEqual({ producer: 10, consumer: 15, broker: brokerKills })
    expect(numbers.atPoints).toBeGreaterThan(0)
    expect(numbers.acknowledged).toBeGreaterThan(kills)
  })
})
