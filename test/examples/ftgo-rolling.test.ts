import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { checkLedger } from '../../examples/ftgo/lib/ledger.ts'
import { canStage, transports } from '../process/chaos/stage.ts'
import { leftovers, openTown } from './town.ts'

describe.each(transports)('%s', async (transport) => {
  const can = await canStage(transport)

  test.skipIf(!can)(
    'a rolling restart of five nodes under load: nothing lost, nothing done twice, nothing dead-lettered',
    { timeout: 400_000 },
    async () => {
      const town = await openTown(transport)
      // the first one makes the databases and the channels
      const first = await town.node('node-0')
      const nodes = [first, ...(await Promise.all([1, 2, 3, 4].map((n) => town.node(`node-${n}`))))]
      const enough = new AbortController()
      const placed = town.order(1000, 5, enough.signal)
      // orders come to their end before the first restart, and between any two of them
      const more = async (before = town.tracker.complete): Promise<void> => {
        while (town.tracker.complete < before + 3) await pause(20)
      }
      for (const [n, node] of nodes.entries()) {
        await more()
        const [how] = await Promise.all([node.drain(), town.node(`fresh-${n}`)])
        expect(how, `node ${n}`).toBe('exit 0')
      }
      enough.abort()
      await placed
      await town.rest()
      const watcher = await town.connect('watcher')
      expect(await leftovers(watcher)).toEqual([])
      await town.close()
      const { findings, orders, finalStates } = checkLedger(town.place)
      expect(findings).toEqual([])
      expect(orders).toBeGreaterThan(10)
      expect((finalStates.approved ?? 0) + (finalStates.rejected ?? 0)).toBe(orders)
    },
  )
})
