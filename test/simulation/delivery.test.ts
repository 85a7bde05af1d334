import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { Mutation } from './mutations.ts'
import { play } from './world.ts'

/**
 * Seeded interleavings of crash, freeze, redelivery, handover and delay over the delivery engine, in virtual time.
 * `PABAL_SEED=n vitest run test/simulation` plays one of them and prints what happened; `PABAL_SEEDS=n` plays more or fewer.
 */
const only = process.env.PABAL_SEED === undefined ? undefined : Number(process.env.PABAL_SEED)
const seeds = Number(process.env.PABAL_SEEDS ?? 10_000)
const mostShown = 5

const replay = (seed: number): string => `replay it with: PABAL_SEED=${seed} npx vitest run test/simulation`

const expected = [
  'crashed',
  'frozen',
  'left',
  'closed late',
  'failed',
  'handled after a loss',
  'handled from the parking lot',
  'handled ahead of parked followers',
  'handled by a zombie',
  'handled twice, explained by a crash or a freeze',
  'redriven',
  'ended as handled',
  'ended as a dead letter',
  'ended as invalid',
  'ended as discarded',
]

if (only !== undefined) {
  test(`the seed ${only} keeps every promise`, async () => {
    const { problems, log } = await play(only as number, { keepLog: true })
    console.log(log?.join('\n'))
    assert.deepEqual(problems, [], `the seed ${only} breaks a promise; ${replay(only as number)}`)
  })
} else {
  describe('delivery in virtual time', () => {
    test(`${seeds} interleavings lose nothing, keep the order of each key, and settle each message once`, {
      timeout: 300_000,
    }, async () => {
      const failing: string[] = []
      const seen = new Map<string, number>()
      for (let seed = 1; seed <= seeds && failing.length < mostShown; seed++) {
        const verdict = await play(seed)
        for (const [what, times] of verdict.seen) seen.set(what, (seen.get(what) ?? 0) + times)
        if (verdict.problems.length > 0) failing.push(`seed ${seed}: ${verdict.problems.slice(0, 3).join('\n    ')}\n    ${replay(seed)}`)
      }
      assert.equal(failing.length, 0, `seeds that break a promise:\n  ${failing.join('\n  ')}`)
      if (seeds < 1000) return
      for (const what of expected) assert.ok((seen.get(what) ?? 0) > 0, `no seed of ${seeds} met "${what}": the scenarios are too tame`)
    })

    test('the same seed is the same interleaving, another seed is another', async () => {
      const hashes = new Set<number>()
      for (let seed = 1; seed <= 300; seed++) {
        const { hash } = await play(seed)
        assert.equal((await play(seed)).hash, hash, `the seed ${seed} went differently the second time; ${replay(seed)}`)
        hashes.add(hash)
      }
      assert.ok(hashes.size > 290, `300 seeds gave ${hashes.size} interleavings`)
    })

    const mutations: readonly (readonly [Mutation, RegExp])[] = [
      ['ack before the handler', /acknowledged and is lost/],
      ['drop the fence', /settled 2 times/],
      ['skip the shard gate', /at the same time/],
    ]
    for (const [mutation, complaint] of mutations) {
      test(`a transport that would ${mutation} is found out`, async () => {
        const complaints: string[] = []
        for (let seed = 1; seed <= 500 && !complaints.some((text) => complaint.test(text)); seed++)
          complaints.push(...(await play(seed, { mutation })).problems)
        assert.ok(
          complaints.some((text) => complaint.test(text)),
          `500 seeds did not notice it: ${complaints.slice(0, 3).join('; ')}`,
        )
      })
    }
  })
}
