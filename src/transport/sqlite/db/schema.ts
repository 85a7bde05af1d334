import type { DatabaseSync } from 'node:sqlite'
import { PabalError } from '../../../errors.ts'

/**
 * The version of the file, `major * 100 + minor`, in `user_version`. A library opens files of its own major, also of a newer
 * minor where the file does not forbid it: `reader` in `meta` is the oldest version that may open it.
 */
export const schemaVersion = 100
/** The oldest version that may open what this one makes: it is raised where an older one would do harm. */
const oldestReader = 100
const applicationId = 0x5061_6261 // "Paba"

const tables = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
-- next: the position of the next message of the channel
CREATE TABLE channel (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, next INTEGER NOT NULL DEFAULT 0);
-- the log: what was sent to a channel in one tick, packed (see protocol.ts)
CREATE TABLE segment (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX segment_place ON segment (channel, last);
-- a consumer group of a channel; '' is the owner's of a point-to-point channel; member: an ephemeral one, gone with it
CREATE TABLE grp (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, name TEXT NOT NULL, member TEXT, UNIQUE (channel, name));
-- who owns a shard and how far it is: all before acked is settled; handed is what processes of version 1.0 note before they hand out (now db/marks.ts)
CREATE TABLE lease (
  grp INTEGER NOT NULL, shard INTEGER NOT NULL, owner TEXT, wanted TEXT, epoch INTEGER NOT NULL DEFAULT 0,
  acked INTEGER NOT NULL, handed INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT '', PRIMARY KEY (grp, shard)) WITHOUT ROWID;
CREATE INDEX lease_owner ON lease (owner) WHERE owner IS NOT NULL;
-- what left the log: failed messages and their followers, and what a dead process held
-- ready: when it is due, of the first of each key and of those without a key, while they are not out (see db/parked.ts)
CREATE TABLE parked (
  grp INTEGER NOT NULL, shard INTEGER NOT NULL, pos INTEGER NOT NULL, sub INTEGER NOT NULL, key TEXT, due INTEGER,
  lost INTEGER NOT NULL DEFAULT 0, suspect INTEGER NOT NULL DEFAULT 0, out INTEGER, ready INTEGER, note TEXT NOT NULL, frame BLOB NOT NULL,
  PRIMARY KEY (grp, pos, sub));
CREATE INDEX parked_key ON parked (grp, shard, key, pos, sub);
CREATE INDEX parked_ready ON parked (grp, shard, ready, pos, sub) WHERE ready IS NOT NULL;
CREATE INDEX parked_out ON parked (grp, shard) WHERE out IS NOT NULL;
CREATE TABLE delayed (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, due INTEGER NOT NULL, shard INTEGER NOT NULL, frame BLOB NOT NULL);
CREATE INDEX delayed_due ON delayed (due);
-- pid: for people to read
CREATE TABLE member (id TEXT PRIMARY KEY, address TEXT NOT NULL, pid INTEGER NOT NULL) WITHOUT ROWID;
-- unit: <member>/<n>, one subscription of a process; it is also what owns a lease
CREATE TABLE subscriber (unit TEXT NOT NULL, member TEXT NOT NULL, channel TEXT NOT NULL, grp TEXT NOT NULL, durable INTEGER NOT NULL, PRIMARY KEY (unit, channel, grp, durable)) WITHOUT ROWID;
CREATE INDEX subscriber_member ON subscriber (member);
`

/** The number of shards of a store that this version can open; undefined where the file is empty. Throws `STORE_VERSION`, `STORE_CORRUPT`. */
export function shardsOf(db: DatabaseSync, file: string): number | undefined {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  const { application_id: id } = db.prepare('PRAGMA application_id').get() as { application_id: number }
  if (version === 0 || id !== applicationId) {
    const { n } = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number }
    if (n === 0 && version === 0) return undefined
    throw new PabalError(
      'STORE_CORRUPT',
      `${file} is a SQLite database of something else: it has ${n} tables and indexes that are not Pabal's`,
      { hint: 'Give a path of its own for the messages.' },
    )
  }
  if (majorOf(version) !== majorOf(schemaVersion))
    throw new PabalError(
      'STORE_VERSION',
      `${file} has the format ${textOf(version)}, and this version of Pabal reads ${majorOf(schemaVersion)}.x`,
    )
  const meta = db.prepare('SELECT value FROM meta WHERE name = ?')
  const { value: reader } = (meta.get('reader') ?? { value: 0 }) as { value: number }
  if (reader > schemaVersion)
    throw new PabalError(
      'STORE_VERSION',
      `${file} has the format ${textOf(version)}, which needs a Pabal that knows ${textOf(reader)} or later; this one knows ${textOf(schemaVersion)}`,
    )
  return (meta.get('shards') as { value: number }).value
}

/** Makes the tables. Within a transaction. */
export function create(db: DatabaseSync, shards: number, identity: number): number {
  db.exec(`${tables} PRAGMA user_version = ${schemaVersion}; PRAGMA application_id = ${applicationId};`)
  db.prepare("INSERT INTO meta VALUES ('shards', ?), ('reader', ?), ('identity', ?)").run(shards, oldestReader, identity)
  return shards
}

const majorOf = (version: number): number => Math.floor(version / 100)
const textOf = (version: number): string => `${majorOf(version)}.${version % 100}`
