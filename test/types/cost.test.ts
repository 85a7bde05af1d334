import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { compile, root, workFolder } from './compiler.ts'

/**
 * What contracts cost the compiler, counted in instantiations, which do not depend on the machine's speed (nor, in one thread, on its cores). Each message has a
 * nested payload, a key and two replies, all in zod; about a third of the count is zod's own.
 */
const work = workFolder()
afterAll(work.remove)

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

function contract(count: number): string {
  const commands = numbers(count).map(
    (
      i,
    ) => `  c${i}: command(z.object({ id: z.string(), n${i}: z.number(), items: z.array(z.object({ name: z.string(), count: z.number().optional() })) }), {
    key: 'id', replies: { Done${i}: z.object({ at: z.string() }), Refused: z.object({ why: z.string() }) } }),`,
  )
  return `import { z } from 'zod'
import { type ContractOf, command, defineService } from '../../src/contract/index.ts'
const contract = defineService('big', { version: '1', commands: {
${commands.join('\n')}
} })
export interface Big extends ContractOf<typeof contract> {}
export const Big: Big = contract
`
}

function handlers(count: number): string {
  const each = numbers(count).map(
    (i) =>
      `  c${i}: async ({ payload, reply }) => payload.n${i} > 1 ? reply.Done${i}({ at: payload.id }) : reply.Refused({ why: payload.items[0]?.name ?? '' }),`,
  )
  return `import { app } from '../../test/types/app.ts'
import { Big } from './contract.ts'
export const served = app.serve(Big, {
${each.join('\n')}
})
`
}

function calls(count: number, from: string): string {
  const each = numbers(count).map(
    (i) => `export async function f${i}(): Promise<string> {
  const outcome = await big.c${i}({ id: '', n${i}: 1, items: [] })
  return outcome.type === 'Refused' ? outcome.payload.why : outcome.payload.at
}`,
  )
  return `import { app } from '../../test/types/app.ts'
import { Big } from '${from}'
const { big } = app.clients({ big: Big })
${each.join('\n')}
// @ts-expect-error: the payload is checked against emitted types as against sources
big.c0({ id: 7, n0: 1, items: [] })
export async function checked(): Promise<void> {
  const outcome = await big.c0({ id: '', n0: 1, items: [] })
  // @ts-expect-error: and so is the reply
  if (outcome.type === 'Refused') outcome.payload.at
}
`
}

async function instantiations(files: Readonly<Record<string, string>>, options: object = {}): Promise<number> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(work.path, name), text)
  const run = await compile(work.path, Object.keys(files), options, '--extendedDiagnostics', '--singleThreaded')
  expect(run.errors.filter((error) => !error.file.startsWith('..'))).toEqual([])
  const found = /^Instantiations:\s+(\d+)$/m.exec(run.output)?.[1]
  expect(found).toBeDefined()
  return Number(found)
}

describe('compile cost', { timeout: 120_000 }, () => {
  test('500 messages with all handlers stay below 1,000,000 instantiations, and cost twice what 250 do', async () => {
    const half = await instantiations({ 'contract.ts': contract(250), 'handlers.ts': handlers(250) })
    const whole = await instantiations({ 'contract.ts': contract(500), 'handlers.ts': handlers(500) })
    console.log(`compile cost: 250 messages ${half}, 500 messages ${whole} instantiations`)
    expect(whole).toBeLessThan(1_000_000)
    expect(whole / half).toBeLessThan(2.1)
  })

  test('300 calls against an emitted contract stay below 60,000 instantiations, and are checked', async () => {
    const out = join(work.path, 'out')
    await instantiations(
      { 'emitted.ts': contract(300) },
      { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir: out },
    )
    // The package that holds the calls sees declarations only, as a package that installed the contract would.
    const declared = readFileSync(join(out, relative(root, work.path), 'emitted.d.ts'), 'utf8')
    expect(declared).not.toContain('zod')
    const cost = await instantiations({ 'installed.ts': declared, 'calls.ts': calls(300, './installed.ts') })
    console.log(`compile cost: 300 calls against an emitted contract ${cost} instantiations`)
    expect(cost).toBeLessThan(60_000)
  })
})
