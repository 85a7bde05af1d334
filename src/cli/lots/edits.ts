import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Edit } from '../../delivery/dead-letters.ts'
import type { Waiting } from '../../delivery/waiting.ts'
import type { Message } from '../../message/message.ts'
import { pairs } from '../frame/arguments.ts'
import { Usage } from '../frame/exit.ts'
import type { Shell } from '../frame/shell.ts'
import { bodyOf } from '../view/message.ts'

/** Changes that can be made without an editor. */
export interface Changes {
  /** A whole new payload. */
  readonly body?: Buffer | undefined
  /** `path=value`. */
  readonly set: readonly string[]
  readonly unset: readonly string[]
  /** `name=value`. */
  readonly headers: readonly string[]
}

export const changesNothing = ({ body, set, unset, headers }: Changes): boolean =>
  body === undefined && set.length + unset.length + headers.length === 0

/** The message with the changes made. Throws `Usage` where they cannot be. */
export function applied(message: Message, { body, set, unset, headers }: Changes): Edit {
  let bytes: Uint8Array = body ?? message.body
  if (set.length + unset.length > 0) {
    const { encoding, payload } = bodyOf({ ...message, body: bytes })
    if (encoding !== 'json')
      throw new Usage(`--set and --unset need a payload of JSON, and that of ${message.id} is ${encoding}: give --body.`)
    let value = payload
    for (const [path, text] of pairs(set, '--set')) value = changed(value, path, parsed(text))
    for (const path of unset) value = changed(value, path, undefined)
    bytes = Buffer.from(JSON.stringify(value))
  }
  const added = pairs(headers, '--header')
  return { body: bytes, ...(added.length > 0 && { headers: { ...message.headers, ...Object.fromEntries(added) } }) }
}

/** JSON where it is some, else the text itself: `--set dish=bibimbap`, `--set lines.0.quantity=2`, `--set gift=true`. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A copy with the field at `path` (`lines.0.quantity`) replaced, or taken away where the value is undefined. */
function changed(value: unknown, path: string, to: unknown): unknown {
  const steps = path.split('.')
  if (steps.some((step) => step === '' || step === '__proto__'))
    throw new Usage(`"${path}" is no path: give names joined by dots, such as lines.0.quantity.`)
  const copy = structuredClone(value)
  let at = copy as Record<string, unknown>
  for (const [i, step] of steps.entries()) {
    if (typeof at !== 'object' || at === null)
      throw new Usage(`${steps.slice(0, i).join('.') || 'The payload'} is no object: it has no field "${step}".`)
    if (Array.isArray(at) && !/^\d+$/.test(step))
      throw new Usage(`${steps.slice(0, i).join('.') || 'The payload'} is a list: give a position, not "${step}".`)
    if (i < steps.length - 1) at = (Object.hasOwn(at, step) ? at[step] : undefined) as Record<string, unknown>
    else if (to !== undefined) at[step] = to
    else if (Array.isArray(at)) at.splice(Number(step), 1)
    else delete at[step]
  }
  return copy
}

/** Lets a person change payload and headers in their editor; undefined where nothing was changed. Throws `Usage` where it came to nothing. */
export async function byEditor({ message, code, reason }: Waiting, shell: Shell): Promise<Edit | undefined> {
  const editor = shell.env.VISUAL || shell.env.EDITOR
  if (!editor)
    throw new Usage('Set EDITOR to your editor, or say what to change: --set path=value, --unset path, --header name=value, --body @file.')
  const { encoding, payload } = bodyOf(message)
  const about = `${message.type} ${message.id}: ${code}: ${reason}. Change headers and ${encoding}, then save; what this line says is not read.`
  const before = JSON.stringify({ about, headers: { ...message.headers }, [encoding]: payload }, null, 2)
  // Readable to nobody else: a payload may hold what is private.
  const folder = mkdtempSync(join(tmpdir(), 'pabal-edit-'))
  const file = join(folder, 'message.json')
  writeFileSync(file, `${before}\n`, { mode: 0o600 })
  let keep = false
  try {
    const code = await shell.edit(editor, file)
    if (code !== 0) throw new Usage(`The editor (${editor}) ended with code ${code}: nothing was done.`)
    const after = readFileSync(file, 'utf8')
    if (after.trim() === before) return undefined
    let value: Record<string, unknown>
    try {
      value = JSON.parse(after)
    } catch (error) {
      keep = true
      throw new Usage(`What you saved is no JSON: ${(error as Error).message}. Nothing was done; your text is kept in ${file}.`)
    }
    const headers = value.headers ?? {}
    if (typeof headers !== 'object' || Object.values(headers as object).some((each) => typeof each !== 'string') || !(encoding in value)) {
      keep = true
      throw new Usage(`What you saved must have "headers" of strings and "${encoding}". Nothing was done; your text is kept in ${file}.`)
    }
    return { headers: headers as Record<string, string>, body: bytesOf(encoding, value[encoding]) }
  } finally {
    if (!keep) rmSync(folder, { recursive: true, force: true })
  }
}

function bytesOf(encoding: 'json' | 'text' | 'base64', value: unknown): Buffer {
  if (encoding === 'json') return Buffer.from(JSON.stringify(value))
  return Buffer.from(String(value), encoding === 'text' ? 'utf8' : 'base64')
}
