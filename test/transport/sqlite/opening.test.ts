import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { Database } from '../../../src/transport/sqlite/db/database.ts'
import { checkPlace, explain } from '../../../src/transport/sqlite/db/faults.ts'
import { schemaVersion } from '../../../src/transport/sqlite/db/schema.ts'
import { sqlite } from '../../../src/transport/sqlite/index.ts'
import { batchOf, opened, place, refused } from './stores.ts'

const openFile = (file: string) => new Database({ file, maxSize: 2 ** 30, shards: 16, busyAfter: 1000, point: () => {} })
const open = (file: string) => sqlite({ file }).open(() => {})

test('a missing folder is named, and is not made', async () => {
  const file = place()
  const error = await refused('STORE_UNUSABLE', () => open(`${dirname(file)}/missing/store.db`))
  expect(error.message).toContain(`its folder ${dirname(file)}/missing does not exist`)
})

test('a folder in the place of the file', async () => {
  const file = place()
  mkdirSync(file)
  expect((await refused('STORE_UNUSABLE', () => open(file))).message).toContain('it is a folder; give a file')
})

test('a file in the place of the folder', async () => {
  const file = place()
  writeFileSync(file, 'x')
  expect((await refused('STORE_UNUSABLE', () => open(`${file}/store.db`))).message).toContain(`${file} is not a folder`)
  await refused('STORE_UNUSABLE', () => open(`${file}/deeper/store.db`))
})

test('a file, and a folder, that may not be written to', async () => {
  const file = place()
  openFile(file).close()
  chmodSync(dirname(file), 0o755)
  const root = process.geteuid?.() === 0
  // root may write everywhere: it is somebody else for a moment
  if (root) process.seteuid?.(65534)
  else chmodSync(file, 0o444)
  try {
    expect((await refused('STORE_UNUSABLE', () => openFile(file))).message).toMatch(/writ/)
    if (!root) chmodSync(dirname(file), 0o555)
    expect((await refused('STORE_UNUSABLE', () => openFile(`${dirname(file)}/new.db`))).message).toMatch(/writ/)
  } finally {
    if (root) process.seteuid?.(0)
    chmodSync(dirname(file), 0o755)
  }
})

test('what is not a database', async () => {
  const file = place()
  writeFileSync(file, 'This is a letter to my aunt, and no database at all. '.repeat(100))
  await refused('STORE_CORRUPT', () => open(file))
})

test("somebody else's SQLite database is refused and left as it is", async () => {
  const file = place()
  const db = new DatabaseSync(file)
  db.exec('CREATE TABLE birds (name TEXT)')
  db.close()
  const before = readFileSync(file)
  const error = await refused('STORE_CORRUPT', () => open(file))
  expect(error.message).toContain('a SQLite database of something else')
  expect(readFileSync(file).equals(before)).toBe(true)
})

test('a store whose pages are damaged', async () => {
  const file = place()
  const { transport } = await opened({ file })
  await transport.send(batchOf(2000))
  await transport.close()
  const { size } = statSync(file)
  const handle = openSync(file, 'r+')
  // all but the first page: the header still says that it is a store
  writeSync(handle, Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096)
  closeSync(handle)
  await refused('STORE_CORRUPT', () => open(file))
})

test('a store that was cut short', async () => {
  const file = place()
  openFile(file).close()
  truncateSync(file, 4096 * 2)
  await refused('STORE_CORRUPT', () => open(file))
})

test('file systems of other machines are refused by their type', async () => {
  const file = place()
  for (const type of [0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997, 0x00c36400]) {
    const error = await refused('STORE_UNUSABLE', () => checkPlace(file, () => type))
    expect(error.message).toContain(`network file system (type 0x${type.toString(16)})`)
  }
  for (const local of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630]) checkPlace(file, () => local)
})

/** A store whose format is what is given, and says who may open it. */
function storeOf(version: number, reader: number): string {
  const file = place()
  openFile(file).close()
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA user_version = ${version}; UPDATE meta SET value = ${reader} WHERE name = 'reader'`)
  db.close()
  return file
}

test('a newer minor format opens, unless it says that older versions may not', async () => {
  openFile(storeOf(schemaVersion + 7, schemaVersion)).close()
  const error = await refused('STORE_VERSION', () => openFile(storeOf(schemaVersion + 7, schemaVersion + 3)))
  expect(error.message).toContain('has the format 1.7, which needs a Pabal that knows 1.3 or later; this one knows 1.0')
})

test('another major format is refused', async () => {
  expect((await refused('STORE_VERSION', () => openFile(storeOf(200, 100)))).message).toContain(
    'has the format 2.0, and this version of Pabal reads 1.x',
  )
  await refused('STORE_VERSION', () => open(storeOf(300, 300)))
})

test('the number of shards is that of the file', async () => {
  const file = place()
  new Database({ file, maxSize: 2 ** 30, shards: 3, busyAfter: 1000, point: () => {} }).close()
  const again = openFile(file)
  expect(again.shards).toBe(3)
  again.close()
})

test('what SQLite says in Pabal’s words', () => {
  const said = (errcode: number) => explain(Object.assign(new Error('said'), { errcode }), '/f')
  const expected: [number, string, boolean][] = [
    [5, 'STORE_BUSY', true],
    [517, 'STORE_BUSY', true],
    [8, 'STORE_UNUSABLE', false],
    [1032, 'STORE_UNUSABLE', false],
    [10, 'STORE_UNUSABLE', false],
    [11, 'STORE_CORRUPT', false],
    [26, 'STORE_CORRUPT', false],
    [13, 'STORE_FULL', true],
    [14, 'STORE_UNUSABLE', false],
    [1, 'STORE_UNUSABLE', false],
    [19, 'STORE_UNUSABLE', false],
  ]
  for (const [errcode, code, retryable] of expected)
    expect([errcode, said(errcode).code, said(errcode).retryable]).toEqual([errcode, code, retryable])
})

test('a defect is not worth trying again, and says what it was', () => {
  const file = place()
  const db = openFile(file)
  const broken = () => (undefined as unknown as { length: number }).length
  expect(() => db.write(true, broken)).toThrow(
    expect.objectContaining({ code: 'STORE_UNUSABLE', retryable: false, message: expect.stringContaining("reading 'length'") }),
  )
  // and the transaction is over
  expect(db.write(true, () => 1)).toBe(1)
  db.close()
})
