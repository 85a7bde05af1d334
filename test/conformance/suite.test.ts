import { expect, test } from 'vitest'
import { PabalError } from '../../src/errors.ts'
import { scenariosOf } from '../../src/testing/conformance.ts'
import { conformance, type World } from '../../src/testing/index.ts'
import { wrapWorld } from '../../src/testing/mutations.ts'
import { memoryWorld } from './worlds.ts'

const run = (world: World, id: string) => scenariosOf(world, [id])[0]?.run()

/** A transport that cannot delay and has no durable groups, and says so. */
function modest(): World {
  const refusal = new PabalError('UNSUPPORTED', 'this transport cannot')
  return wrapWorld(memoryWorld(), (inner) => ({
    open: async (listener) => ({ ...(await inner.open(listener)), delays: false, durableGroups: false }),
    send: async (batch) => {
      const results = [...(await inner.send(batch.filter((outgoing) => outgoing.notBefore === undefined)))]
      return batch.map((outgoing) => (outgoing.notBefore === undefined ? (results.shift() ?? refusal) : refusal))
    },
    subscribe: async (channel, options, receive) => {
      if (channel.kind === 'publish-subscribe' && options.durable && options.group !== undefined) throw refusal
      return inner.subscribe(channel, options, receive)
    },
  }))
}

test('ids and names are unique, and every scenario says what it proves', () => {
  const scenarios = conformance(memoryWorld())
  expect(new Set(scenarios.map((scenario) => scenario.id)).size).toBe(scenarios.length)
  expect(new Set(scenarios.map((scenario) => scenario.name)).size).toBe(scenarios.length)
  for (const scenario of scenarios) expect(scenario.proves).toMatch(/^.{20,}\.$/)
})

test('the scenarios of the catalogue are there', () => {
  const numbers = new Set(conformance(memoryWorld()).map((scenario) => Number.parseInt(scenario.id, 10)))
  // 13 restarts a broker, 23 and 24 are runs of their own
  const expected = Array.from({ length: 32 }, (_, n) => n + 1).filter((n) => ![13, 23, 24].includes(n))
  expect(expected.filter((n) => !numbers.has(n))).toEqual([])
})

test('an undeclared capability is shown to be refused', async () => {
  expect(await run(modest(), 'delays-1')).toMatchObject({ outcome: 'refused' })
  expect(await run(modest(), 'groups-1')).toMatchObject({ outcome: 'refused' })
  expect(await run(modest(), '12')).toEqual({ outcome: 'passed' })
})

test('a world that cannot kill skips with the reason', async () => {
  const { mortal: _, ...tame } = memoryWorld()
  expect(await run(tame, '25')).toEqual({ outcome: 'skipped', reason: 'the world cannot kill or freeze a member' })
})

test('a skipped scenario that passes fails the run; one that fails is skipped with its reason', async () => {
  await expect(run({ ...memoryWorld(), skip: { '8': 'it is known to fail' } }, '8')).rejects.toThrow('take the skip away')
  const broken = wrapWorld(memoryWorld(), () => ({ send: async (batch) => batch.map(() => 'sent' as const) }))
  expect(await run({ ...broken, patience: 200, skip: { '8': 'it sends nothing' } }, '8')).toEqual({
    outcome: 'skipped',
    reason: 'it sends nothing',
  })
})

test('a skip of a scenario that does not exist is refused', () => {
  expect(() => conformance({ ...memoryWorld(), skip: { '99z': 'a typo' } })).toThrow('99z, which is not a scenario')
})
