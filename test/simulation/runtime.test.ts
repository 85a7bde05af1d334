import assert from 'node:assert/strict'
import { test } from 'vitest'
import { SimulatedRuntime, simulate } from '../../src/testing/simulation/index.ts'

const sleep = (runtime: SimulatedRuntime, ms: number): Promise<void> => new Promise((resolve) => runtime.timer(ms, resolve))

test('time moves only when nothing else can happen, and then to the next timer', async () => {
  const runtime = new SimulatedRuntime(1)
  const seen: string[] = []
  const note = (what: string): number => seen.push(`${what}@${runtime.monotonic()}`)
  runtime.timer(10, () => {
    note('ten')
    // a long chain of promises ends before the timer that is due one millisecond later
    let chain = Promise.resolve()
    for (let i = 0; i < 100; i++) chain = chain.then(() => {})
    void chain.then(() => note('chain'))
  })
  runtime.timer(11, () => note('eleven'))
  runtime.timer(0, () => note('zero'))
  assert.equal(await runtime.run(), false)
  assert.deepEqual(seen, ['zero@0', 'ten@10', 'chain@10', 'eleven@11'])
})

test('a day passes at once, and only as much of it as was asked for', async () => {
  const runtime = new SimulatedRuntime(1)
  const began = runtime.now()
  let rang = false
  runtime.timer(86_400_000, () => {
    rang = true
  })
  assert.equal(await runtime.run(86_399_999), true)
  assert.equal(rang, false)
  await runtime.run(1)
  assert.equal(rang, true)
  assert.equal(runtime.now() - began, 86_400_000)
})

test('run stops at a condition, and when only background timers are left', async () => {
  const runtime = new SimulatedRuntime(1)
  let ticks = 0
  const tick = (): void => {
    ticks++
    runtime.timer(5, tick, true)
  }
  tick()
  let done = false
  void sleep(runtime, 100).then(() => {
    done = true
  })
  assert.equal(await runtime.run(() => done), true)
  assert.equal(runtime.monotonic(), 100)
  assert.equal(await runtime.run(), false, 'the background timer alone keeps nothing going')
  assert.ok(ticks >= 20)
})

test('a cancelled timer does not run, and does not hold the time up', async () => {
  const runtime = new SimulatedRuntime(1)
  const timer = runtime.timer(1000, () => assert.fail('it was cancelled'))
  timer.cancel()
  timer.cancel()
  assert.equal(await runtime.run(), false)
  assert.equal(runtime.monotonic(), 0)
})

test('the same seed gives the same numbers and ids, another seed others', () => {
  const draw = (seed: number): string => {
    const runtime = new SimulatedRuntime(seed)
    return [runtime.random(), runtime.id(), runtime.random(), runtime.id()].join()
  }
  assert.equal(draw(7), draw(7))
  assert.notEqual(draw(7), draw(8))
  const runtime = new SimulatedRuntime(7)
  const ids = Array.from({ length: 10_000 }, () => runtime.id())
  assert.deepEqual(ids, [...new Set(ids)].sort(), 'ids increase')
})

test('what a timer throws rejects the run', async () => {
  const runtime = new SimulatedRuntime(1)
  runtime.timer(1, () => {
    throw new Error('boom')
  })
  await assert.rejects(runtime.run(), /boom/)
})

test('a plan acts at the nth pass of a point: a delay, a crash, a freeze, a handover', async () => {
  const simulation = simulate(1)
  simulation.plan = [
    { point: 'handle.before', pass: 2, fault: { kind: 'delay', ms: 30 } },
    { point: 'handle.before', pass: 3, fault: { kind: 'handover' } },
    { point: 'handle.before', pass: 4, fault: { kind: 'freeze', ms: 50 } },
    { point: 'handle.before', pass: 5, fault: { kind: 'crash' } },
  ]
  const fate: string[] = []
  const process = simulation.process('p')
  const at = (what: string) => () => fate.push(`${what}@${simulation.runtime.monotonic()}`)
  process.fate = { crashed: at('crashed'), frozen: at('frozen'), thawed: at('thawed'), handOver: at('handOver') }
  let passes = 0
  void (async () => {
    for (;;) {
      const wait = process.point?.('handle.before')
      if (wait !== undefined) await wait
      passes++
      await process.sleep(1)
    }
  })()
  process.timer(40, () => at('timer')())
  process.timer(200, () => assert.fail('timers of a dead process do not run'))
  await simulation.run(1000)
  assert.equal(passes, 4)
  assert.deepEqual(fate, ['handOver@32', 'frozen@33', 'thawed@83', 'timer@83', 'crashed@84'])
})

test('without a plan a process has no fault points at all', () => {
  assert.equal(simulate(1).process('p').point, undefined)
})
