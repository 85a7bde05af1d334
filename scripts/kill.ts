import { parseArgs } from 'node:util'
import { chaos } from '../test/process/chaos/director.ts'

/**
 * `npm run kill -- --kills N --seed S [--transport sqlite]`: kills producers and consumers at seeded moments and points, and
 * compares the ledgers at the end. The same seed plans the same deaths.
 */
const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string' }, transport: { type: 'string', default: 'sqlite' } },
})
const kills = Number(values.kills)
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
if (!Number.isSafeInteger(kills) || kills < 0 || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run kill -- --kills 100 --seed 42 [--transport sqlite]')
  process.exit(2)
}
console.log(`${kills} kills, seed ${seed}, ${values.transport}:`)
const result = await chaos({
  kills,
  seed,
  transport: values.transport,
  progress: (count) => count % 25 === 0 && console.log(`  ${count} killed`),
})
const { faults, ...numbers } = result
console.log(JSON.stringify(numbers))
for (const fault of faults.slice(0, 50)) console.error(`FAULT ${fault}`)
if (faults.length > 0)
  console.error(`${faults.length} faults; again with: npm run kill -- --kills ${kills} --seed ${seed} --transport ${values.transport}`)
process.exitCode = faults.length === 0 ? 0 : 1
