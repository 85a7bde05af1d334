import type { DatabaseSync } from 'node:sqlite'
import { PabalError } from '../../../errors.ts'

/**
 * The version of the file, `major * 100 + minor`, in `user_version`. A library opens files of its own major, also of a newer
 * minor: minors only add what older ones need not know.
 */
export const schemaVersion = 100
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
-- who owns a shard and how far it is: all before acked is settled, nothing from handed on was ever handed out
CREATE TABLE lease (
  grp INTEGER NOT NULL, shard INTEGER NOT NULL, owner TEXT, wanted TEXT, epoch INTEGER NOT NULL DEFAULT 0,
  acked INTEGER NOT NULL, handed INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT '', PRIMARY KEY (grp, shard)) WITHOUT ROWID;
CREATE INDEX lease_owner ON lease (owner) WHERE owner IS NOT NULL;
-- what left the log: failed messages and their followers, and what a dead process held
CREATE TABLE parked (
  grp INTEGER NOT NULL, shard INTEGER NOT NULL, pos INTEGER NOT NULL, sub INTEGER NOT NULL, key TEXT, due INTEGER,
  lost INTEGER NOT NULL DEFAULT 0, suspect INTEGER NOT NULL DEFAULT 0, out INTEGER, note TEXT NOT NULL, frame BLOB NOT NULL,
  PRIMARY KEY (grp, pos, sub));
CREATE INDEX parked_key ON parked (grp, shard, key, pos, sub);
CREATE TABLE delayed (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, due INTEGER NOT NULL, shard INTEGER NOT NULL, frame BLOB NOT NULL);
CREATE INDEX delayed_due ON delayed (due);
CREATE TABLE member (id TEXT PRIMARY KEY, address TEXT NOT NULL) WITHOUT ROWID;
-- unit: <member>/<n>, one subscription of a process; it is also what owns a lease
CREATE TABLE subscriber (unit TEXT NOT NULL, member TEXT NOT NULL, channel TEXT NOT NULL, grp TEXT NOT NULL, durable INTEGER NOT NULL, PRIMARY KEY (unit, channel, grp, durable)) WITHOUT ROWID;
CREATE INDEX subscriber_member ON subscriber (member);
`

/** Makes the tables, or checks that this version can read them. Called within a transaction. Throws `STORE_VERSION`, `STORE_CORRUPT`. */
export function migrate(db: DatabaseSync, file: string, shards: number): number {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  const { application_id: id } = db.prepare('PRAGMA application_id').get() as { application_id: number }
  if (version === 0) {
    const { n } = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number }
    if (n > 0) throw new PabalError('STORE_CORRUPT', `${file} is a SQLite database of something else: it has ${n} tables and indexes that are not Pabal's`, { hint: 'Give a path of its own for the messages.' })
    db.exec(`${tables} PRAGMA user_version = ${schemaVersion}; PRAGMA application_id = ${applicationId};`)
    db.prepare("INSERT INTO meta VALUES ('shards', ?)").run(shards)
    return shards
  }
  if (id !== applicationId) throw new PabalError('STORE_CORRUPT', `${file} is a SQLite database of something else`, { hint: 'Give a path of its own for the messages.' })
  if (Math.floor(version / 100) !== Math.floor(schemaVersion / 100))
    throw new PabalError('STORE_VERSION', `${file} has the format ${version / 100}, and this version of Pabal reads ${Math.floor(schemaVersion / 100)}.x`)
  return (db.prepare("SELECT value FROM meta WHERE name = 'shards'").get() as { value: number }).value
}
