import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { MessageData } from '../../contract/data.ts'
import { Usage } from '../frame/exit.ts'
import type { Shell } from '../frame/shell.ts'

/** What `JSON`, `@file` or `-` stands for. */
export async function bytesFrom(text: string, shell: Shell): Promise<Buffer> {
  if (text === '-') return await shell.input.bytes()
  if (!text.startsWith('@')) return Buffer.from(text)
  try {
    return readFileSync(resolve(shell.cwd, text.slice(1)))
  } catch (error) {
    throw new Usage(`${text.slice(1)} cannot be read: ${(error as Error).message}.`)
  }
}

/** The payload as the contract's content type carries it. Nothing given: an empty object. */
export async function payloadFrom(text: string | undefined, data: MessageData, shell: Shell): Promise<unknown> {
  if (text === undefined && data.content !== 'json')
    throw new Usage(`The payload is missing: ${data.type} carries ${data.content}; give @file, or - for the input.`)
  const bytes = await bytesFrom(text ?? '{}', shell)
  if (data.content === 'binary') return bytes
  const whole = bytes.toString('utf8')
  return data.content === 'text' ? whole : jsonFrom(whole, 'The payload')
}

export function jsonFrom(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const quoted = /^[{[]/.test(text.trim()) ? '' : ` In most shells it stands in single quotes: '{"orderId":"o-1"}'.`
    throw new Usage(`${what} is no JSON: ${(error as Error).message}.${quoted}`)
  }
}
