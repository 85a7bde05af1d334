import { describe, expect, test } from 'vitest'
import { chaos } from './chaos/director.ts'
import { canStage, type TransportName } from './chaos/stage.ts'

/** Of producers and consumers: two and three at a time, so at least ten of each. */
const kills = 25
const brokerKills = 10

describe.each(['amqp', 'kafka'] satisfies TransportName[])('%s', async (transport) => {
  const can = await canStage(transport)

  test.skipIf(!can)('ten kills a role, of producers, consumers and the broker', { timeout: 600_000 }, async () => {
    const seed = Number(process.env.PABAL_SEED ?? Date.now() % 1_000_000)
    const { faults, ...numbers } = await chaos({ kills, brokerKills, seed, transport })
    console.log(`${transport}: ${JSON.stringify(numbers)}`)
    const again = `npm run kill -- --transport ${transport} --kills ${kills} --broker-kills ${brokerKills} --seed ${seed}`
    expect(faults, `again with: ${again}`).toEqual([])
    expect(numbers.kills).toEqual({ producer: 10, consumer: 15, broker: 10 })
    expect(numbers.atPoints).toBeGreaterThan(0)
    expect(numbers.acknowledged).toBeGreaterThan(kills)
  })
})
