import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, type Stats } from 'node:fs'
import { lstat, readdir, realpath, rmdir, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { PabalError } from '../../../errors.ts'

/** `sun_path` holds 108 bytes on Linux, 104 on macOS, the last one NUL. */
const longestPath = 103
/** Half a SHA-256 in hex and an ending. */
const nameBytes = 16 + '.sock'.length
/** A socket is bound a moment before it listens: what is younger than this is not taken for a dead one by a sweep. */
const sweepAge = 10_000

/** How often a folder that others remove at the same moment is made again. */
export const attempts = 20

export interface Folder {
  /** Where this member's socket lives. */
  readonly path: string
  /**
   * Addresses are bare names, so that processes that see the folder under different paths (containers) find each other;
   * only in the fallback folder are they whole paths.
   */
  readonly shared: boolean
}

/** Makes and checks the folder for the sockets; in the temporary folder where its path is too long for a socket. */
export async function prepareFolder(wanted: string): Promise<Folder> {
  const asked = resolve(wanted)
  if (Buffer.byteLength(asked) + 1 + nameBytes <= longestPath) {
    await claim(asked)
    return { path: asked, shared: true }
  }
  const parent = await realpath(dirname(asked)).catch((cause: unknown) => {
    throw unusable(asked, `its parent folder cannot be read (${reasonOf(cause)})`, cause)
  })
  const hash = createHash('sha256')
    .update(join(parent, basename(asked)))
    .digest('hex')
    .slice(0, 16)
  const path = join(tmpdir(), `pabal-${uid() ?? 'user'}-${hash}`)
  if (Buffer.byteLength(path) + 1 + nameBytes > longestPath) {
    throw unusable(asked, `a socket's path may have ${longestPath} bytes, and both it and the temporary folder ${tmpdir()} are longer`)
  }
  await claim(path)
  return { path, shared: false }
}

/** Makes the folder again after somebody removed it. */
export function reclaim(folder: Folder): Promise<void> {
  return claim(folder.path)
}

/** A name of its own for each opening, also where a member id is used again. */
export function socketName(self: string, unique: string): string {
  return `${createHash('sha256').update(`${self}\0${unique}`).digest('hex').slice(0, 16)}.sock`
}

export function addressOf(folder: Folder, name: string): string {
  return folder.shared ? name : join(folder.path, name)
}

/** The path behind another member's address, or undefined where it is none. */
export function pathOf(folder: Folder, address: string): string | undefined {
  if (!/^[0-9a-f]{16}\.sock$/.test(basename(address))) return undefined
  const path = address.includes('/') ? address : join(folder.path, address)
  return Buffer.byteLength(path) <= longestPath ? path : undefined
}

/** Removes the socket file of a member that is dead: nobody accepts there any more. Only sockets, only in our own folder. */
export async function removeStale(folder: Folder, path: string): Promise<void> {
  if (dirname(path) !== folder.path) return
  try {
    if ((await lstat(path)).isSocket()) await unlink(path)
  } catch {
    // somebody else was faster
  }
}

/** Removes what dead members that nobody dialled left behind, a bounded number at a time. */
export async function sweep(folder: Folder, now: number): Promise<void> {
  const names = (await readdir(folder.path)).filter((name) => name.endsWith('.sock'))
  await Promise.all(names.slice(0, 64).map((name) => sweepOne(folder, join(folder.path, name), now)))
}

async function sweepOne(folder: Folder, path: string, now: number): Promise<void> {
  try {
    const { mtimeMs } = await lstat(path)
    if (now - mtimeMs > sweepAge && (await refuses(path))) await removeStale(folder, path)
  } catch {
    // gone in the meantime
  }
}

function refuses(path: string): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      settle(false)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code === 'ECONNREFUSED'))
  })
}

/** Removes the folder if nobody uses it any more. */
export async function leaveFolder(folder: Folder): Promise<void> {
  await rmdir(folder.path).catch(() => undefined)
}

async function claim(path: string): Promise<void> {
  let found: Stats | undefined
  for (let attempt = 0; found === undefined && attempt < attempts; attempt++) found = makeAndLook(path)
  if (found === undefined) throw unusable(path, 'it vanishes as soon as it is made')
  if (!found.isDirectory()) throw unusable(path, 'it is not a folder')
  const own = uid()
  if (own !== undefined && found.uid !== own) throw unusable(path, `it belongs to user ${found.uid}, and this process runs as ${own}`)
  if (own !== undefined && (found.mode & 0o022) !== 0) {
    throw unusable(path, `others than its owner can write to it (mode ${(found.mode & 0o777).toString(8)}); chmod 700 it`)
  }
}

/**
 * Undefined where the last member to leave removed it between the two steps; synchronous, so that this is hardly ever the case.
 */
function makeAndLook(path: string): Stats | undefined {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, `it cannot be made (${reasonOf(cause)})`, cause)
  }
  try {
    return lstatSync(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(path, `it cannot be read (${reasonOf(cause)})`, cause)
  }
}

function unusable(path: string, reason: string, cause?: unknown): PabalError {
  return new PabalError('STORE_UNUSABLE', `The folder for sockets ${path} cannot be used: ${reason}.`, { cause })
}

/** Undefined on Windows, which has no owners and modes of this kind. */
function uid(): number | undefined {
  return process.getuid?.()
}

function reasonOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause)
}
