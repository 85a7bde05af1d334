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
  /** Other libraries that do the same over the same server, with their own public API. They stand beside, there is no aim. */
  readonly peers?: readonly Peer[]
}

export interface Peer {
  readonly name: string
  /** What it promises of a message, since that differs. */
  readonly promise: string
  run(): Promise<number>
}

export interface Row {
  readonly name: string
  readonly unit: string
  readonly rate: number
  readonly raw: number
  readonly ratio: number
  readonly aim: number
  readonly limit: boolean
  /** The promise of the other library that `raw` is the figure of. */
  readonly peer?: string
  /** Half the distance between the extremes of the rounds, as a part of the median. */
  readonly spread: number
}

const lowIsGood = new Set(['ms', '%', 'KB', 'MB'])

/** The row of the pair, and one for each of its peers, which are measured in the first of every three rounds. */
export async function compare(pair: Pair, rounds: number): Promise<Row[]> {
  const { name, unit, aim, limit = false, peers = [] } = pair
  const ours: number[] = []
  const raws: number[] = []
  const beside = peers.map((): number[] => [])
  for (let i = 0; i < rounds; i++) {
    raws.push(await pair.raw())
    ours.push(await pair.pabal())
    if (i % 3 === 0) for (const [n, peer] of peers.entries()) beside[n]?.push(await peer.run())
  }
  const rate = median(ours)
  const shared = { unit, rate, spread: (Math.max(...ours) - Math.min(...ours)) / 2 / rate }
  const against = (raw: number) => ({ ...shared, raw, ratio: lowIsGood.has(unit) ? raw / rate : rate / raw })
  return [
    { name, aim, limit, ...against(median(raws)) },
    ...peers.map((peer, n) => ({
      name: `${name}: ${peer.name}`,
      aim: 0,
      limit: false,
      peer: peer.promise,
      ...against(median(beside[n] as number[])),
    })),
  ]
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}
