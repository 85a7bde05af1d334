import Table from 'cli-table3'
import pc from 'picocolors'
import type { Verdict } from './ledger.ts'
import type { Style } from './styles.ts'

/** Everything that a run found out. */
export interface Result {
  readonly verdict: Verdict
  readonly kills: number
  /** Undefined where the demo did not start the broker, and so does not kill it. */
  readonly brokerKills: number | undefined
  readonly messages: Readonly<Record<Style, number>>
  /** Milliseconds from placing an order to its end. */
  readonly latencies: readonly number[]
  readonly seed: number
  readonly seconds: number
}

/** The tables at the end. */
export function report({ verdict, kills, brokerKills, messages, latencies, seed, seconds }: Result): string {
  const sound = verdict.lost.length === 0 && verdict.duplicated.length === 0
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'] })
  const head = (title: string): number => table.push([{ colSpan: 2, content: pc.bold(title), hAlign: 'left' }])
  head('Orders by final state')
  for (const [state, count] of Object.entries(verdict.finalStates).sort()) table.push([state, count])
  head('Messages handled, by style')
  for (const [style, count] of Object.entries(messages)) table.push([style, count])
  head('From placed to approved or rejected')
  table.push(['p50', `${percentile(latencies, 0.5)} ms`], ['p99', `${percentile(latencies, 0.99)} ms`])
  head('Ledger')
  table.push(['orders meant', verdict.orders], ['lost', tone(verdict.lost.length)], ['done twice', tone(verdict.duplicated.length)])
  table.push(['services killed', kills])
  if (brokerKills !== undefined) table.push(['brokers killed', brokerKills])
  table.push(['seed', seed], ['took', `${seconds.toFixed(1)} s`])
  const findings = verdict.findings.slice(0, 12).map((finding) => `  ${pc.red('✗')} ${finding}`)
  if (verdict.findings.length > findings.length) findings.push(`  … and ${verdict.findings.length - findings.length} more`)
  const last = sound ? pc.green('✓ Every order came to its end, and nothing was done twice.') : pc.red('✗ The ledger does not add up:')
  return [table.toString(), last, ...findings].join('\n')
}

/** The same as one object, for programs. */
export function asJson({ verdict, kills, brokerKills, messages, latencies, seed }: Result): string {
  return JSON.stringify({
    orders: verdict.orders,
    finalStates: verdict.finalStates,
    lost: verdict.lost.length,
    duplicated: verdict.duplicated.length,
    kills,
    brokerKills,
    messages,
    latencyMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
    seed,
  })
}

/** The nearest-rank percentile with one decimal; 0 where nothing was measured. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const found = sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0
  return Math.round(found * 10) / 10
}

const tone = (count: number): string => (count === 0 ? pc.green('0') : pc.red(String(count)))
