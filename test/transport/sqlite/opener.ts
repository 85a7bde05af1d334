import { Database } from '../../../src/transport/sqlite/db/database.ts'

/** Opens the store when it is told to, at the same moment as the others. */
process.once('message', (file: string) => {
  try {
    const db = new Database({ file, maxSize: 2 ** 30, shards: 16, busyAfter: 10_000, point: () => {} })
    db.write(true, () => db.sql('INSERT INTO channel (address, kind) VALUES (?, ?)').run(`c${process.pid}`, 'point-to-point'))
    db.close()
    process.send?.('opened', () => process.exit())
  } catch (error) {
    process.send?.(String(error), () => process.exit())
  }
})
process.send?.('ready')
