import assert from 'node:assert/strict'
import type { Definition } from './definition.ts'
import { refusals } from './refusals.ts'
import { allScenarios } from './scenarios/all.ts'
import { Stage } from './stage.ts'
import type { Need, Outcome, Scenario, World } from './world.ts'

/**
 * The conformance suite: what every transport must prove, as tests for any runner.
 *
 * ```ts
 * const scenarios = conformance({ name: 'mine', member: () => myTransport(address) })
 * for (const scenario of scenarios) test(scenario.name, scenario.run, scenario.timeout)
 * ```
 *
 * What the transport declares when it opens decides: a scenario that needs an undeclared capability shows instead that
 * asking for it is refused.
 */
export function conformance(world: World): readonly Scenario[] {
  const ids = new Set(allScenarios.map((scenario) => scenario.id))
  for (const id of Object.keys(world.skip ?? {})) assert.ok(ids.has(id), `skip names ${id}, which is not a scenario`)
  return allScenarios.map((definition) => bind(world, definition))
}

/** Runs some scenarios by hand, one after the other: for tests of the suite itself. */
export function scenariosOf(world: World, ids: readonly string[]): readonly Scenario[] {
  return ids.map((id) => {
    const definition = allScenarios.find((candidate) => candidate.id === id)
    assert.ok(definition, `${id} is not a scenario`)
    return bind(world, definition)
  })
}

function bind(world: World, definition: Definition): Scenario {
  const { id, title, proves, needs = [], timeout = 60_000 } = definition
  return { id, name: `${world.name} ${id}: ${title}`, proves, needs, timeout, run: () => run(world, definition) }
}

async function run(world: World, definition: Definition): Promise<Outcome> {
  const reason = world.skip?.[definition.id]
  if (reason === undefined) return perform(world, definition)
  const outcome = await perform(world, definition).catch((): Outcome => ({ outcome: 'skipped', reason }))
  assert.notEqual(outcome.outcome, 'passed', `${definition.id} is skipped ("${reason}") but passes: take the skip away`)
  return outcome
}

async function perform(world: World, definition: Definition): Promise<Outcome> {
  const stage = new Stage(world, definition.id)
  let failure: unknown
  let outcome: Outcome = { outcome: 'passed' }
  try {
    await stage.begin()
    const missing = await firstMissing(stage, world, definition.needs ?? [])
    if (missing === undefined) await definition.play(stage)
    else outcome = missing
  } catch (error) {
    failure = error ?? new Error('a scenario threw nothing')
  }
  // a failure of the scenario says more than one of the clean-up after it
  try {
    await stage.end()
  } catch (error) {
    failure ??= error
  }
  if (failure !== undefined) throw failure
  return outcome
}

/** Why the scenario cannot be played here: shown to be refused where the transport could be asked for it. */
async function firstMissing(stage: Stage, world: World, needs: readonly Need[]): Promise<Outcome | undefined> {
  for (const need of needs) {
    if (offers(stage, world, need)) continue
    const refusal = refusals[need]
    if (refusal !== undefined) return { outcome: 'refused', reason: `${need} is not declared: ${await refusal(stage)}` }
    const whose = need === 'mortal' ? 'the world cannot kill or freeze a member' : `${need} is not declared`
    return { outcome: 'skipped', reason: whose }
  }
  return undefined
}

function offers(stage: Stage, world: World, need: Need): boolean {
  if (need === 'admin') return stage.sender.admin !== undefined
  if (need === 'mortal') return world.mortal !== undefined
  return stage.capabilities[need]
}
