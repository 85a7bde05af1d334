import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { look, opened, place } from './stores.ts'

test('close comes to its end although nothing else keeps the process running', async () => {
  const file = place()
  const child = spawnSync(process.execPath, [fileURLToPath(new URL('./ender.ts', import.meta.url)), file], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect([child.stdout.trim(), child.status, child.stderr]).toEqual(['closed', 0, ''])
  expect(look(file, 'SELECT 1 FROM member')).toEqual([])
  expect(look(file, 'SELECT 1 FROM lease WHERE owner IS NOT NULL')).toEqual([])
  const { transport } = await opened({ file })
  expect((await transport.admin?.depths())?.find(({ channel }) => channel.address === 'queue')).toMatchObject({ waiting: 0, parked: 0 })
})
