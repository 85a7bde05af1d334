import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from 'citty'
import type { Shell } from './shell.ts'

/** What is given in its place and not by a name. */
export interface Operand {
  readonly name: string
  readonly says: string
  readonly optional?: boolean
  /** The last one may come several times. */
  readonly many?: boolean
}

/** What a command's `run` is given. */
export interface Given<T extends ArgsDef> {
  readonly args: Pick<ParsedArgs<T>, keyof T>
  readonly operands: readonly string[]
  /** The store or broker: the first operand that is a URL, `--url`, or `PABAL_URL`. Empty where none was given and none is needed. */
  readonly url: string
  /** Every value of an option that may be given several times. */
  all(name: keyof T & string): readonly string[]
  readonly shell: Shell
}

export interface CommandSpec<T extends ArgsDef> {
  readonly name: string
  /** One line. */
  readonly summary: string
  /** What else a person should know, in lines that are wrapped. */
  readonly about?: string
  /** Whether it works on a store or broker. */
  readonly url?: 'needed' | 'optional'
  readonly operands?: readonly Operand[]
  readonly args: T
  /** Options that may be given several times. */
  readonly repeated?: readonly (keyof T & string)[]
  readonly examples: readonly (readonly [line: string, says: string])[]
  /** Resolves with the exit code; nothing: 0. */
  run(given: Given<T>): Promise<number | void>
}

/** A command or a group of commands. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly about: string | undefined
  readonly url: 'needed' | 'optional' | undefined
  readonly operands: readonly Operand[]
  readonly args: ArgsDef
  readonly repeated: ReadonlySet<string>
  readonly examples: readonly (readonly [line: string, says: string])[]
  readonly commands: readonly Command[]
  readonly citty: CommandDef
}

const urlArg = {
  url: { type: 'string', valueHint: 'URL', description: 'the store or broker, where it is not given in its place; default: $PABAL_URL' },
} as const

/** Declares a command. */
export function command<const T extends ArgsDef>(spec: CommandSpec<T>): Command {
  const args: ArgsDef = { ...spec.args, ...(spec.url !== undefined && urlArg) }
  const citty = defineCommand({
    meta: { name: spec.name, description: spec.summary },
    args,
    run: ({ args: values, data }: { args: unknown; data?: unknown }) =>
      spec.run({ ...(data as Given<T>), args: values as Given<T>['args'] }),
  })
  return {
    name: spec.name,
    summary: spec.summary,
    about: spec.about,
    url: spec.url,
    operands: spec.operands ?? [],
    args,
    repeated: new Set<string>(spec.repeated),
    examples: spec.examples,
    commands: [],
    citty,
  }
}

/** Declares a group of commands. */
export function group(spec: Pick<Command, 'name' | 'summary' | 'examples' | 'commands'> & { readonly about?: string }): Command {
  const citty = defineCommand({
    meta: { name: spec.name, description: spec.summary },
    subCommands: Object.fromEntries(spec.commands.map((each) => [each.name, each.citty])),
  })
  return { about: undefined, url: undefined, operands: [], args: {}, repeated: new Set(), ...spec, citty }
}
