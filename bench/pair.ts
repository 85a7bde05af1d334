/**
 * A comparison: the same work, promise, concurrency and batch, once by Pabal and once by hand. Rounds are interleaved
 * (raw, pabal, raw, pabal, …), so that a noisy machine disturbs both alike; medians are compared.
 */
export interface Pair {
  readonly name: string
  /** What `rate` counts; `ms` and `%` and `KB` are better when low, everything else when high. */
  readonly unit: string
  readonly rounds: number
  pabal(): Promise<number>
  raw(): Promise<number>
  /** Where there is no raw counterpart, `raw` gives the limit that is to be kept. */
  readonly limit?: boolean
  /** The ratio to be reached. */
  readonly aim: number
}

export interface Row {
  readonly name: string
  readonly unit: string
  readonly rate: number
  readonly raw: number
  readonly ratio: number
  readonly aim: number
  readonly limit: boolean
  /** Half the distance between the extremes of the rounds, as a part of the median. */
  readonly spread: number
}

const lowIsGood = new Set(['ms', '%', 'KB', 'MB'])

export async function compare(pair: Pair, rounds: number): Promise<Row> {
  const ours: number[] = []
  const raws: number[] = []
  for (let i = 0; i < rounds; i++) {
    raws.push(await pair.raw())
    ours.push(await pair.pabal())
  }
  const rate = median(ours)
  const raw = median(raws)
  return {
    name: pair.name,
    unit: pair.unit,
    rate,
    raw,
    ratio: lowIsGood.has(pair.unit) ? raw / rate : rate / raw,
    aim: pair.aim,
    limit: pair.limit ?? false,
    spread: (Math.max(...ours) - Math.min(...ours)) / 2 / rate,
  }
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}
