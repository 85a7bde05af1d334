import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { milliseconds } from '../../runtime/duration.ts'
import type { Command } from './command.ts'
import { Usage } from './exit.ts'
import { didYouMean } from './suggest.ts'

/** What was written, checked: citty reads the values and refuses nothing that it does not know. */
export interface Written {
  readonly operands: readonly string[]
  readonly all: ReadonlyMap<string, readonly string[]>
  readonly help: boolean
}

/** Throws `Usage` for what the command does not know, for a value that is missing and for one that is too much. */
export function readArguments(command: Command, args: readonly string[]): Written {
  const options: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } }
  for (const [name, arg] of Object.entries(command.args)) {
    const { alias } = arg as { alias?: string }
    options[name] = { type: arg.type === 'boolean' ? 'boolean' : 'string', ...(alias?.length === 1 && { short: alias }) }
  }
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const operands: string[] = []
  const all = new Map<string, string[]>()
  let help = false
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    if (!Object.hasOwn(options, name))
      throw new Usage(
        `There is no option ${rawName}.${didYouMean(
          rawName,
          Object.keys(options).map((known) => `--${known}`),
        )}`,
      )
    if (options[name]?.type === 'boolean') {
      if (value !== undefined) throw new Usage(`${rawName} takes no value, and was given ${JSON.stringify(value)}.`)
      if (name === 'help') help = true
      continue
    }
    const hint = hintOf(command, name)
    if (value === undefined || value === '') throw new Usage(`${rawName} needs a value: ${rawName} ${hint}.`)
    if (inlineValue === false && value.startsWith('-') && value.length > 1)
      throw new Usage(`${rawName} needs a value: ${rawName} ${hint}. (One that begins with "-" is written ${rawName}=${value}.)`)
    const values = all.get(name) ?? []
    if (values.length > 0 && !command.repeated.has(name)) throw new Usage(`${rawName} was given twice; give it once.`)
    all.set(name, [...values, value])
    const { type, options: choices } = command.args[name] as { type?: string; options?: string[] }
    if (type === 'enum' && !choices?.includes(value))
      throw new Usage(`${rawName} is "${value}"; give one of ${choices?.join(', ')}.${didYouMean(value, choices ?? [])}`)
  }
  return { operands, all, help }
}

export function hintOf(command: Command, name: string): string {
  const arg = command.args[name] as { valueHint?: string; options?: string[] } | undefined
  return arg?.valueHint ?? arg?.options?.join('|') ?? name.toUpperCase()
}

const isUrl = (text: string): boolean => /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(text) && !/^[{["\s]/.test(text)

/** Takes the URL from the operands, the option or the environment, and checks how many operands are left. */
export function resolveOperands(
  command: Command,
  { operands, all }: Written,
  env: Readonly<Record<string, string | undefined>>,
): { url: string; operands: readonly string[] } {
  let rest = operands
  let url = ''
  if (command.url !== undefined) {
    const [first] = operands
    if (first !== undefined && isUrl(first)) {
      if (all.has('url')) throw new Usage(`Two URLs were given: one in its place and one by --url.`)
      url = first
      rest = operands.slice(1)
    } else url = all.get('url')?.[0] ?? env.PABAL_URL ?? ''
    if (url === '' && command.url === 'needed')
      throw new Usage(
        `Say which store or broker: give its URL first, such as sqlite:./app.db, or set PABAL_URL.${first === undefined ? '' : ` "${first}" has no scheme.`}`,
      )
  }
  const needed = command.operands.filter(({ optional }) => optional !== true)
  const missing = needed[rest.length]
  if (missing !== undefined) throw new Usage(`${missing.name} is missing: ${missing.says}.`)
  if (rest.length > command.operands.length && command.operands.at(-1)?.many !== true)
    throw new Usage(
      `${JSON.stringify(rest[command.operands.length])} is too much: this command takes ${command.operands.map(({ name }) => name).join(' ') || 'nothing but options'}${command.url === undefined ? '' : ' after the URL'}.`,
    )
  return { url, operands: rest }
}

export function wholeNumber(text: string, what: string, least = 1): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new Usage(`${what} is "${text}", give a whole number from ${least}.`)
  return value
}

/** Milliseconds. */
export function duration(text: string, what: string): number {
  try {
    return milliseconds(text as '1s', what)
  } catch {
    throw new Usage(`${what} is "${text}", give a time such as 800ms, 2s, 5m or 1h.`)
  }
}

/** Messages a second, from `50`, `50/s`, `600/m` or `1000/h`. */
export function rate(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/(s|m|h))?$/.exec(text)
  const value = match === null ? 0 : Number(match[1]) / { s: 1, m: 60, h: 3600 }[(match[2] ?? 's') as 's']
  if (!(value > 0)) throw new Usage(`${what} is "${text}", give messages for a time, such as 50/s or 600/m.`)
  return value
}

/** `a=b` pairs. */
export function pairs(texts: readonly string[], what: string): [name: string, value: string][] {
  return texts.map((text) => {
    const at = text.indexOf('=')
    if (at <= 0) throw new Usage(`${what} is "${text}", give a name and a value: ${what} name=value.`)
    return [text.slice(0, at), text.slice(at + 1)]
  })
}
