/** One side alone, for whoever works on it: `node bench/transports/try.ts URL SIDE MEASURE[@SHARE]…`. See also own-cost.ts. */
import { askMany, askOne, consume, endToEnd, lone, type Measure, produce, stalled } from './measures.ts'

const measures: Readonly<Record<string, Measure>> = { produce, consume, endToEnd, askOne, askMany, lone, stalled: stalled(100_000) }
const [url, side, ...what] = process.argv.slice(2) as [string, string, ...string[]]
for (const one of what) {
  const from = performance.now()
  const [name, share = '1'] = one.split('@') as [string, string?]
  const { round, end } = await (measures[name] as Measure)(url, side, Number(share))()
  const figure = await round()
  await end()
  console.log(side, name, figure.toFixed(3), `(${((performance.now() - from) / 1000).toFixed(1)} s)`)
}
