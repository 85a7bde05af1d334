import type { Owned, Reading, ShardLog } from '../protocol.ts'
import type { Database } from './database.ts'

interface LeaseRow {
  readonly shard: number
  readonly epoch: number
  readonly acked: number
  readonly state: string
}

const noLog: ShardLog = { settled: [], held: [] }
export const logOf = (text: string): ShardLog => (text === '' ? noLog : (JSON.parse(text) as ShardLog))
export const textOf = (log: ShardLog): string => (log.settled.length === 0 && log.held.length === 0 ? '' : JSON.stringify(log))

/** Who owns which shard of a group, and how far it is. The functions run in a transaction of the caller's. */
export class Leases {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Takes those of the shards that nobody owns. */
  claim(group: number, unit: string, shards: readonly number[]): Owned[] {
    const owned: Owned[] = []
    for (const shard of shards) {
      const row = this.#db
        .sql(
          'UPDATE lease SET owner = ?, epoch = epoch + 1, handed = acked WHERE grp = ? AND shard = ? AND owner IS NULL RETURNING shard, epoch, acked, state',
        )
        .get(unit, group, shard) as LeaseRow | undefined
      if (row === undefined) continue
      const keys = this.#db
        .sql('SELECT key, count(*) AS n, min(pos) AS first FROM parked WHERE grp = ? AND shard = ? AND key IS NOT NULL GROUP BY key')
        .all(group, shard) as unknown as { key: string; n: number; first: number }[]
      const { n } = this.#db.sql('SELECT count(*) AS n FROM parked WHERE grp = ? AND shard = ?').get(group, shard) as { n: number }
      owned.push({
        shard,
        epoch: row.epoch,
        acked: row.acked,
        state: logOf(row.state),
        parked: keys.map(({ key, n, first }) => [key, n, first] as const),
        parkedTotal: n,
      })
    }
    return owned
  }

  /** Notes how far a shard is. False where it was lost to another owner: nothing of its settlement may be applied then. */
  advance(group: number, shard: number, epoch: number, acked: number, log: ShardLog | undefined): boolean {
    return (
      this.#db
        .sql('UPDATE lease SET acked = ?, state = ? WHERE grp = ? AND shard = ? AND epoch = ? AND owner IS NOT NULL')
        .run(acked, log === undefined ? '' : textOf(log), group, shard, epoch).changes === 1
    )
  }

  free(group: number, shard: number, epoch: number, wanted: string | null): void {
    this.#db
      .sql('UPDATE lease SET owner = NULL, wanted = ?, handed = acked WHERE grp = ? AND shard = ? AND epoch = ?')
      .run(wanted, group, shard, epoch)
  }

  /** Whoever comes or goes changes who is to own what. */
  forgetWanted(group: number): void {
    this.#db.sql('UPDATE lease SET wanted = NULL WHERE grp = ? AND wanted IS NOT NULL').run(group)
  }

  list(group: number): { shard: number; owner: string | null; wanted: string | null }[] {
    return this.#db.sql('SELECT shard, owner, wanted FROM lease WHERE grp = ?').all(group) as {
      shard: number
      owner: string | null
      wanted: string | null
    }[]
  }

  /** Those that the unit does not own any more. */
  lost(group: number, unit: string, reads: readonly Reading[]): number[] {
    const owned = this.#db.sql('SELECT shard, epoch FROM lease WHERE grp = ? AND owner = ?').all(group, unit) as {
      shard: number
      epoch: number
    }[]
    const epochs = new Map(owned.map(({ shard, epoch }) => [shard, epoch]))
    return reads.filter(({ shard, epoch }) => epochs.get(shard) !== epoch).map(({ shard }) => shard)
  }
}
