import { expect, test } from 'vitest'
import { chaos } from './chaos/director.ts'
import { brokerPlanOf, planOf } from './chaos/plan.ts'

const kills = Number(process.env.PABAL_KILLS ?? 100)

test(`${kills} kills of producers and consumers at seeded moments and named points`, { timeout: 600_000, retry: 0 }, async () => {
  const seed = Number(process.env.PABAL_SEED ?? Date.now() % 1_000_000)
  const result = await chaos({ kills, seed })
  const { faults, ...numbers } = result
  console.log(`kills: ${JSON.stringify(numbers)}`)
  expect(faults, `again with: npm run kill -- --kills ${kills} --seed ${seed}`).toEqual([])
  expect(result.kills.producer + result.kills.consumer).toBe(kills)
  expect(result.acknowledged).toBeGreaterThan(kills)
  expect(result.atPoints).toBeGreaterThan(0)
})

test('a seed plans the same deaths again', () => {
  expect(planOf(7, 100)).toEqual(planOf(7, 100))
  expect(planOf(7, 100)).not.toEqual(planOf(8, 100))
  expect(planOf(7, 100).flatMap((slot) => slot.deaths)).toHaveLength(100)
  expect(brokerPlanOf(7, 10)).toEqual(brokerPlanOf(7, 10))
  expect(brokerPlanOf(7, 10)).not.toEqual(brokerPlanOf(8, 10))
})
