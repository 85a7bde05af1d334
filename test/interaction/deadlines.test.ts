import { expect, test } from 'vitest'
import { type Dated, Deadlines, nowhere } from '../../src/interaction/deadlines.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'

/** A clock that stands still until it is told, and counts its timers. */
function still() {
  let now = 0
  let timers: { at: number; run: () => void }[] = []
  const runtime: Runtime = {
    now: () => now,
    monotonic: () => now,
    random: () => 0.5,
    id: () => '',
    timer: (ms, run) => {
      const timer = { at: now + ms, run }
      timers.push(timer)
      const cancel = () => {
        timers = timers.filter((other) => other !== timer)
      }
      return { cancel }
    },
  }
  const to = (time: number): void => {
    for (;;) {
      const due = timers.filter((timer) => timer.at <= time).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      timers = timers.filter((timer) => timer !== due)
      now = Math.max(now, due.at)
      due.run()
    }
    now = time
  }
  return { runtime, to, timers: () => timers.length }
}

const dated = (deadline: number, ended: number[], expired: () => void = () => void ended.push(deadline)): Dated => ({
  deadline,
  slot: nowhere,
  sooner: undefined,
  later: undefined,
  expired,
})

test('everything expires in the order of its deadlines, with one timer', () => {
  const clock = still()
  const deadlines = new Deadlines(clock.runtime)
  const ended: number[] = []
  const times = Array.from({ length: 500 }, (_, n) => ((n * 7919) % 500) + 1)
  for (const time of times) deadlines.add(dated(time, ended))
  expect(clock.timers()).toBe(1)
  clock.to(250)
  expect(ended).toEqual(Array.from({ length: 250 }, (_, n) => n + 1))
  expect(clock.timers()).toBe(1)
  clock.to(1000)
  expect(ended.length).toBe(500)
  expect(deadlines.size).toBe(0)
  expect(clock.timers()).toBe(0)
})

test('what was taken out leaves nothing and never expires, wherever it stood', () => {
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed % below
  }
  for (let round = 0; round < 50; round++) {
    const clock = still()
    const deadlines = new Deadlines(clock.runtime)
    const ended: number[] = []
    const items = Array.from({ length: 100 }, () => dated(random(1000) + 1, ended))
    for (const item of items) deadlines.add(item)
    const kept = [...items]
    for (let n = 0; n < 60; n++) {
      const [gone] = kept.splice(random(kept.length), 1)
      deadlines.remove(gone as Dated)
      deadlines.remove(gone as Dated)
    }
    expect(deadlines.size).toBe(kept.length)
    clock.to(2000)
    expect(ended).toEqual(kept.map((item) => item.deadline).sort((x, y) => x - y))
  }
})

test('an earlier deadline moves the timer forward; one that comes while others expire is kept', () => {
  const clock = still()
  const deadlines = new Deadlines(clock.runtime)
  const ended: number[] = []
  deadlines.add(dated(100, ended))
  deadlines.add(
    dated(10, ended, () => {
      ended.push(10)
      deadlines.add(dated(20, ended))
    }),
  )
  clock.to(15)
  expect(ended).toEqual([10])
  clock.to(50)
  expect(ended).toEqual([10, 20])
  clock.to(100)
  expect(ended).toEqual([10, 20, 100])
})

test('those that wait equally long and those that do not expire in one order, also where some are taken out', () => {
  const clock = still()
  const deadlines = new Deadlines(clock.runtime)
  const ended: number[] = []
  const items = Array.from({ length: 300 }, (_, n) => dated(n % 3 === 0 ? 300 - n : 300 + n, ended))
  for (const item of items) deadlines.add(item)
  const kept = items.filter((_, n) => n % 5 !== 0)
  for (const item of items) if (!kept.includes(item)) deadlines.remove(item)
  expect(deadlines.size).toBe(kept.length)
  clock.to(1000)
  expect(ended).toEqual(kept.map((item) => item.deadline).sort((x, y) => x - y))
  expect(deadlines.size).toBe(0)
})
