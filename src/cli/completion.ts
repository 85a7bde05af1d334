import { type Command, command } from './frame/command.ts'
import { Usage } from './frame/exit.ts'
import { didYouMean } from './frame/suggest.ts'

const shells = { bash, zsh, fish } as const

/** `pabal completion`: the scripts are made from the commands themselves. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return command({
    name: 'completion',
    summary: 'Prints a script that completes commands and options in your shell.',
    operands: [{ name: 'SHELL', says: 'bash, zsh or fish' }],
    args: {},
    examples: [
      ['source <(pabal completion bash)', 'bash: in ~/.bashrc'],
      ['source <(pabal completion zsh)', 'zsh: in ~/.zshrc, after compinit'],
      ['pabal completion fish | source', 'fish: in ~/.config/fish/config.fish'],
    ],
    run: async ({ operands: [name = ''], shell }) => {
      if (!Object.hasOwn(shells, name))
        throw new Usage(
          `There is no completion for "${name}"; there is one for ${Object.keys(shells).join(', ')}.${didYouMean(name, Object.keys(shells))}`,
        )
      shell.out.write(shells[name as keyof typeof shells](pathsOf(commands())))
    },
  })
}

interface Path {
  /** `dead-letters list`. */
  readonly words: readonly string[]
  readonly command: Command
}

function pathsOf(commands: readonly Command[], above: readonly string[] = []): readonly Path[] {
  return commands.flatMap((each) => {
    const words = [...above, each.name]
    return [{ words, command: each }, ...pathsOf(each.commands, words)]
  })
}

interface Option {
  readonly name: string
  readonly says: string
  readonly takes: 'nothing' | 'file' | 'value'
  readonly choices: readonly string[]
}

const optionsOf = ({ args }: Command): readonly Option[] => [
  ...Object.entries(args).map(([name, arg]) => ({
    name,
    says: arg.description ?? '',
    takes: arg.type === 'boolean' ? ('nothing' as const) : /FILE/.test(arg.valueHint ?? '') ? ('file' as const) : ('value' as const),
    choices: (arg as { options?: readonly string[] }).options ?? [],
  })),
  { name: 'help', says: 'what it does, with examples', takes: 'nothing', choices: [] },
]

const choicesOf = ({ command: { name } }: Path): readonly string[] => (name === 'completion' ? Object.keys(shells) : [])

function bash(paths: readonly Path[]): string {
  const top = paths.filter(({ words }) => words.length === 1).map(({ words }) => words[0])
  const cases = paths.map((path) => {
    const subs = path.command.commands.map(({ name }) => name)
    const options = path.command.commands.length > 0 ? [] : optionsOf(path.command).map(({ name }) => `--${name}`)
    return `    '${path.words.join(' ')}') words='${subs.join(' ')}${choicesOf(path).join(' ')}' options='${options.join(' ')}' ;;`
  })
  const valued = [
    ...new Set(
      paths.flatMap(({ command: each }) =>
        optionsOf(each)
          .filter(({ takes }) => takes === 'value')
          .map(({ name }) => `--${name}`),
      ),
    ),
  ]
  const chosen = paths.flatMap(({ command: each }) => optionsOf(each).filter(({ choices }) => choices.length > 0))
  return `# pabal completion for bash
_pabal() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='${top.join(' ')} help' options='--help --version' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
${paths.map(({ words }) => `      '${words.join(' ')}') path='${words.join(' ')}' ;;`).join('\n')}
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  case "$before" in
${chosen.map(({ name, choices }) => `    --${name}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current")); return ;;`).join('\n')}
    ${valued.join('|')}) return ;;
  esac
  if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$current"))
  else COMPREPLY=($(compgen -W "$words" -- "$current")); [[ -n $path && -z $words ]] && COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _pabal pabal
`
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

function zsh(paths: readonly Path[]): string {
  const escaped = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&')
  const functions = paths.map((path) => {
    const name = `_pabal_${path.words.join('_').replaceAll('-', '_')}`
    if (path.command.commands.length > 0) return groupOf(name, path.command.commands, path.words)
    const specs = optionsOf(path.command).map(({ name: option, says, takes, choices }) => {
      const value =
        takes === 'nothing' ? '' : `:${option}:${choices.length > 0 ? `(${choices.join(' ')})` : takes === 'file' ? '_files' : ''}`
      return `    ${quoted(`*--${option}[${escaped(says)}]${value}`)}`
    })
    const choices = choicesOf(path)
    return `${name}() {\n  _arguments \\\n${[...specs, choices.length > 0 ? `    '*: :(${choices.join(' ')})'` : `    '*:file:_files'`].join(' \\\n')}\n}`
  })
  function groupOf(name: string, commands: readonly Command[], words: readonly string[]): string {
    const cases = commands.map((each) => `      ${each.name}) _pabal_${[...words, each.name].join('_').replaceAll('-', '_')} ;;`)
    return `${name}() {
  local line state
  _arguments -C '1: :->command' '*::arg:->rest'
  case $state in
    command) _values 'command' \\\n${commands.map((each) => `      ${quoted(`${each.name}[${escaped(each.summary)}]`)}`).join(' \\\n')} ;;
    rest) case $line[1] in
${cases.join('\n')}
    esac ;;
  esac
}`
  }
  const top = paths.filter(({ words }) => words.length === 1).map(({ command: each }) => each)
  return `#compdef pabal
# pabal completion for zsh
${functions.join('\n')}
${groupOf('_pabal', top, [])}
compdef _pabal pabal
`
}

function fish(paths: readonly Path[]): string {
  const lines = paths.flatMap(({ words, command: each }) => {
    const above = words.slice(0, -1)
    const siblings = paths
      .filter((path) => path.words.length === words.length && path.words.slice(0, -1).join() === above.join())
      .map((path) => path.words.at(-1))
    const before =
      above.length === 0
        ? '__fish_use_subcommand'
        : `__fish_seen_subcommand_from ${above.join(' ')}; and not __fish_seen_subcommand_from ${siblings.join(' ')}`
    const here = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    return [
      `complete -c pabal -n ${quoted(before)} -f -a ${words.at(-1)} -d ${quoted(each.summary)}`,
      ...(each.commands.length > 0
        ? []
        : optionsOf(each).map(
            ({ name, says, takes, choices }) =>
              `complete -c pabal -n ${quoted(here)} -l ${name}${takes === 'nothing' ? '' : takes === 'file' ? ' -r -F' : ' -x'}${choices.length > 0 ? ` -a ${quoted(choices.join(' '))}` : ''} -d ${quoted(says)}`,
          )),
      ...choicesOf({ words, command: each }).map((choice) => `complete -c pabal -n ${quoted(here)} -f -a ${choice}`),
    ]
  })
  return `# pabal completion for fish\n${lines.join('\n')}\n`
}
