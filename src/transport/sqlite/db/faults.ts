import { type PathLike, statfsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isPabalError, PabalError } from '../../../errors.ts'

/** What `statfs` says of network file systems: NFS, SMB/CIFS (three kinds), 9P, FUSE.sshfs and others, Ceph, AFS, Lustre, GFS2, OCFS2. */
const networkTypes = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x00c36400, 0x5346414f, 0x0bd00bd0, 0x01161970, 0x7461636f,
])

export const isNetworkType = (type: number): boolean => networkTypes.has(type)

/** Looks before SQLite does, whose one code for all of these says nothing. `typeOf`: of the file system. Throws `STORE_UNUSABLE`. */
export function checkPlace(file: string, typeOf: (folder: string) => number = (folder) => statfsSync(folder).type): void {
  const path = resolve(file)
  const folder = dirname(path)
  const there = statOf(folder)
  if (there === undefined) throw unusable(path, `its folder ${folder} does not exist; make it first`)
  if (!there.isDirectory()) throw unusable(path, `${folder} is not a folder`)
  if (statOf(path)?.isDirectory()) throw unusable(path, 'it is a folder; give a file')
  const type = typeOf(folder)
  if (isNetworkType(type))
    throw unusable(
      path,
      `it lies on a network file system (type 0x${type.toString(16)}), where processes cannot share a write-ahead log; use a local disk`,
    )
}

/** Which file a path leads to: it changes when the file is deleted or replaced. */
export function identityOf(file: PathLike): string | undefined {
  const found = statOf(file)
  return found && `${found.dev}:${found.ino}`
}

/** Undefined where nothing is there, also where a part of the path is no folder. Other reasons are SQLite's to find. */
function statOf(path: PathLike) {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function unusable(path: string, why: string, cause?: unknown): PabalError {
  return new PabalError('STORE_UNUSABLE', `${path} cannot be used as a store: ${why}`, { cause })
}

interface SqliteError extends Error {
  readonly errcode?: number
}

/** Whether another process holds the lock: to be tried again. */
export function isBusy(error: unknown): boolean {
  const code = ((error as SqliteError).errcode ?? 0) & 0xff
  return code === 5 || code === 6
}

/** The error of SQLite's in Pabal's words. What nobody expects is a defect: to try it again would not help. */
export function explain(error: unknown, file: string): PabalError {
  if (isPabalError(error)) return error
  const { errcode, message } = error as SqliteError
  const said = `${file}: ${message}`
  switch ((errcode ?? 0) & 0xff) {
    case 5:
    case 6:
    case 15:
      return new PabalError('STORE_BUSY', said, { cause: error })
    case 3:
    case 8:
    case 23:
      return unusable(file, `it cannot be written to (${message}): is it readable and writable, and its folder too?`, error)
    case 7:
      return new PabalError('SEND_FAILED', said, { cause: error })
    case 10:
      return new PabalError('STORE_UNUSABLE', `${said} (the disk failed)`, { cause: error })
    case 11:
    case 26:
      return new PabalError('STORE_CORRUPT', said, { cause: error })
    case 13:
      return new PabalError('STORE_FULL', `${said}: the store has reached its size limit or the disk is full; nothing was stored`, {
        cause: error,
      })
    case 14:
      return unusable(file, `it cannot be opened (${message}): is it readable and writable, and its folder too?`, error)
    default:
      return new PabalError(
        'STORE_UNUSABLE',
        `${said} (${errcode === undefined ? 'a defect in Pabal' : `SQLite's code ${errcode}, a defect in Pabal`}); nothing was stored`,
        {
          cause: error,
          hint: 'Report it with the text of this error.',
        },
      )
  }
}
