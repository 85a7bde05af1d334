import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { look, opened, place } from './stores.ts'

function end(file: string, ...more: string[]): unknown[] {
  const program = fileURLToPath(new URL('./ender.ts', import.meta.url))
  const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', program, file, ...more], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return [child.stdout.trim(), child.status, child.stderr]
}

test('a transport that closed leaves nothing of itself behind', async () => {
  const file = place()
  expect(end(file)).toEqual(['closed', 0, ''])
  expect(look(file, 'SELECT 1 FROM member')).toEqual([])
  expect(look(file, 'SELECT 1 FROM lease WHERE owner IS NOT NULL')).toEqual([])
  const { transport } = await opened({ file })
  expect((await transport.admin?.depths())?.find(({ channel }) => channel.address === 'queue')).toMatchObject({ waiting: 0, parked: 0 })
})

test('close comes to its end although the store takes nothing and nothing else keeps the process running', () => {
  expect(end(place(), 'held')).toEqual(['closed', 0, ''])
})
