import { describe, expect, test } from 'vitest'
import { styles } from '../../examples/ftgo/lib/styles.ts'
import { canStage, type TransportName } from '../process/chaos/stage.ts'
import { demo, lastObject } from './run-demo.ts'

describe.each(['amqp', 'kafka'] satisfies TransportName[])('%s', async (transport) => {
  const can = await canStage(transport)

  test.skipIf(!can)(
    'the demo starts a broker of its own, kills it and its services, loses nothing, and leaves nothing behind',
    { timeout: 240_000 },
    async () => {
      const run = await demo(['--transport', transport, '--count', '20', '--rate', '5', '--chaos', '--seed', '4', '--json'])
      const result = lastObject(run)
      expect(result, run.err).toMatchObject({ orders: 20, finalStates: { approved: 16, rejected: 4 }, lost: 0, duplicated: 0 })
      expect(result.kills).toBeGreaterThan(0)
      expect(result.brokerKills).toBeGreaterThan(0)
      expect(styles.filter((style) => !((result.messages[style] ?? 0) > 0))).toEqual([])
      expect(run.err).toContain('the broker was killed')
      expect(run.code).toBe(0)
      expect(run.left).toEqual([])
    },
  )

  test('where nobody listens it says so, and nothing else', async () => {
    const run = await demo(['--transport', `${transport}://127.0.0.1:1`, '--count', '1'])
    expect(run.out + run.err).toMatch(/^BROKER_UNREACHABLE: [^\n]+\n[^\n]+\n$/)
    expect(run.code).toBe(3)
    expect(run.left).toEqual([])
  })
})
