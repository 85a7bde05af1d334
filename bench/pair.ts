/** One side of a row: opened once, warm when it is open, and measured round by round. */
export interface Opened {
  /** The figure of one round. */
  round(): Promise<number>
  end(): Promise<void>
}
export type Open = () => Promise<Opened>

/**
 * A comparison: the same work, promise, concurrency and batch, once by Pabal and once by hand. Both sides are there for the whole row and
 * take turns, each round the other way round (raw, pabal, pabal, raw, …), so that a noisy machine disturbs both alike.
 */
export interface Pair {
  readonly name: string
  /** What a figure counts; `ms`, `%` and `MB` are better when low, everything else when high. */
  readonly unit: string
  readonly rounds: number
  readonly pabal: Open
  /** Absent: there is nothing to compare with but the bound. */
  readonly raw?: Open
  /** The ratio to be reached. */
  readonly aim?: number
  /** What is to be kept; beside a comparison it is a row of its own. */
  readonly bound?: number
  /** Other libraries that do the same over the same server, with their own public API. They stand beside, there is no aim. */
  readonly peers?: readonly Peer[]
}

export interface Peer {
  readonly name: string
  /** What it promises of a message, since that differs. */
  readonly promise: string
  readonly open: Open
}

export interface Row {
  readonly name: string
  readonly unit: string
  /** The median of the rounds, and that of the other side, or the bound. */
  readonly rate: number
  readonly raw: number
  /** The median of the ratios of each round, so that a machine which is slow for some of them changes little. */
  readonly ratio: number
  readonly aim: number
  readonly limit: boolean
  /** The promise of the other library that `raw` is the figure of. */
  readonly peer?: string
  /** Half the distance between the quartiles of the rounds, as a part of the median. */
  readonly spread: number
}

const lowIsGood = new Set(['ms', '%', 'MB'])

/** A side that stays for all rounds: `setUp` warms it and gives the round. What `make` made ends with it, also where the set-up fails. */
export const lasting =
  <T extends { end(): Promise<void> }>(make: () => T | Promise<T>, setUp: (made: T) => Promise<() => Promise<number>>): Open =>
  async () => {
    const made = await make()
    try {
      return { round: await setUp(made), end: () => made.end() }
    } catch (error) {
      await made.end()
      throw error
    }
  }

/** A side that is begun anew in each round. */
export const anew =
  (measure: () => Promise<number>): Open =>
  async () => ({ round: measure, end: async () => {} })

/** The row of the pair, that of its bound, and one for each of its peers, which are measured in the first of every three rounds. */
export async function compare({ name, unit, aim = 1, bound, pabal, raw, peers = [] }: Pair, rounds: number): Promise<Row[]> {
  const opened: Opened[] = []
  const begin = async (open: Open): Promise<{ side: Opened; figures: number[] }> => {
    const side = await open()
    opened.push(side)
    return { side, figures: [] }
  }
  try {
    const hand = raw === undefined ? undefined : await begin(raw)
    const ours = await begin(pabal)
    const beside: { side: Opened; figures: number[] }[] = []
    for (let i = 0; i < rounds; i++) {
      const both = hand === undefined ? [ours] : [hand, ours]
      for (const each of i % 2 === 0 ? both : both.reverse()) each.figures.push(await each.side.round())
      if (i % 3 === 0) {
        for (const [n, peer] of peers.entries()) {
          const there = (beside[n] ??= await begin(peer.open))
          there.figures.push(await there.side.round())
        }
      }
    }
    const rate = median(ours.figures)
    const low = lowIsGood.has(unit)
    const shared = { unit, rate, spread: (percentile(ours.figures, 0.75) - percentile(ours.figures, 0.25)) / 2 / rate }
    const ratio = (raw: number, own: number): number => (low ? raw / own : own / raw)
    const rows: Row[] = []
    if (hand !== undefined) {
      const ratios = hand.figures.map((figure, i) => ratio(figure, ours.figures[i] as number))
      rows.push({ name, aim, limit: false, ...shared, raw: median(hand.figures), ratio: median(ratios) })
    }
    if (bound !== undefined)
      rows.push({
        name: hand === undefined ? name : `${name} (bound)`,
        aim: 1,
        limit: true,
        ...shared,
        raw: bound,
        ratio: ratio(bound, rate),
      })
    for (const [n, { name: other, promise: peer }] of peers.entries()) {
      const raw = median(beside[n]?.figures ?? [])
      rows.push({ name: `${name}: ${other}`, aim: 0, limit: false, peer, ...shared, raw, ratio: ratio(raw, rate) })
    }
    return rows
  } finally {
    await Promise.all(opened.map((side) => side.end()))
  }
}

/** The median of the times between two lists of moments in nanoseconds, in milliseconds. */
export function medianDelay(from: readonly bigint[], to: readonly bigint[]): number {
  return median(to.map((time, i) => Number(time - (from[i] as bigint)) / 1e6))
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}
