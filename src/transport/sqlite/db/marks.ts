import { closeSync, constants, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { PabalError } from '../../../errors.ts'

/** A record is an epoch and a position. So many epochs of a shard have one of their own: who was fenced writes over nobody's. */
const recordBytes = 16
const epochs = 4

/**
 * How far each shard may have been handed out, in a small file beside the store, so that what a dead process held can be
 * counted. It is written before every handing out, and must outlive the process, not the power: a write to a file does that for
 * a fraction of what a transaction costs, and waits for nobody's lock. What is missing in it is merely not counted.
 */
export class Marks {
  readonly #path: string
  readonly #shards: number
  readonly #file: number
  readonly #record = Buffer.alloc(recordBytes)
  #closed = false

  constructor(path: string, shards: number) {
    this.#path = `${path}-handed`
    this.#shards = shards
    this.#file = openSync(this.#path, constants.O_RDWR | constants.O_CREAT, statSync(path).mode & 0o777)
  }

  /**
   * `identity`: the store's; the marks of another that was there before are dropped. `alone`: runs what only one process may do at
   * a time.
   */
  begin(identity: number, alone: (work: () => void) => void): this {
    const header = Buffer.alloc(recordBytes)
    header.writeBigUInt64LE(BigInt(identity))
    if (!this.#begins(header))
      alone(() => {
        if (this.#begins(header)) return
        ftruncateSync(this.#file, 0)
        writeSync(this.#file, header, 0, recordBytes, 0)
      })
    return this
  }

  #begins(header: Buffer): boolean {
    const found = Buffer.alloc(recordBytes)
    readSync(this.#file, found, 0, recordBytes, 0)
    return found.equals(header)
  }

  /** Before anything of the shard up to `end` is handed out. Throws `STORE_FULL` or `STORE_UNUSABLE`; then nothing may be. */
  write(group: number, shard: number, epoch: number, end: number): void {
    this.#record.writeBigUInt64LE(BigInt(epoch))
    this.#record.writeBigUInt64LE(BigInt(end), 8)
    try {
      writeSync(this.#file, this.#record, 0, recordBytes, this.#at(group, shard, epoch))
    } catch (cause) {
      const full = ['ENOSPC', 'EDQUOT'].includes((cause as NodeJS.ErrnoException).code ?? '')
      throw new PabalError(full ? 'STORE_FULL' : 'STORE_UNUSABLE', `${this.#path} cannot be written: ${(cause as Error).message}`, {
        cause,
      })
    }
  }

  /** Where the owner of that epoch was at the most; 0 where it says nothing. */
  read(group: number, shard: number, epoch: number): number {
    const record = Buffer.alloc(recordBytes)
    if (readSync(this.#file, record, 0, recordBytes, this.#at(group, shard, epoch)) < recordBytes) return 0
    return record.readBigUInt64LE() === BigInt(epoch) ? Number(record.readBigUInt64LE(8)) : 0
  }

  #at(group: number, shard: number, epoch: number): number {
    return recordBytes * (1 + (group * this.#shards + shard) * epochs + (epoch % epochs))
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#file)
  }
}
