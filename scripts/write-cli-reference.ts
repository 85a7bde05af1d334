/** Writes docs/reference/cli.md from the commands themselves. `npm run cli-reference`; a test compares the page with them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hintOf } from '../src/cli/frame/arguments.ts'
import type { Command } from '../src/cli/frame/command.ts'
import { exitMeanings } from '../src/cli/frame/exit.ts'
import { usageOf } from '../src/cli/frame/help.ts'
import { pabal } from '../src/cli/pabal.ts'

const intro = `# Command line

\`npx pabal COMMAND [URL] …\` is installed with the package and needs nothing else. \`pabal --help\`, \`pabal COMMAND --help\` and
\`pabal completion bash|zsh|fish\` teach the same as this page, which is written from the commands (\`npm run cli-reference\`).
How to use it when something failed: [mend and redrive](../how-to/redrive-dead-letters.md).

- **URL**: the store or broker, as in [\`connect\`](options.md#connecttarget-options). It stands first; else \`--url\`, else the environment's \`PABAL_URL\`. With
  the last no password stands in the list of processes. Passwords are never printed.
- **A contract** is a module that exports what \`defineService\` returned, one or several: \`.js\`, or \`.ts\` where Node runs it (22.18 or newer).
- **Output** is for people; \`--json\` prints one JSON value a line ([shapes](#json)). Colours only on a terminal, and not where \`NO_COLOR\` is set. Errors,
  questions and progress go to the error output.
- Nothing is made and nothing taken away unless the command is there to do it: looking needs no running service.
`

const shapes = `## JSON

Fields that do not apply are left out. Times are ISO 8601, in UTC.

**A message** (\`messages\`, \`listen\`, and with more fields below): \`channel\`, \`group\`, \`id\`, \`type\`, \`kind\`, \`version\`, \`source\`, \`time\`, \`key\`, \`contentType\`,
\`correlationId\`, \`causationId\`, \`replyTo\`, \`extensions\`, \`headers\`, \`encoding\` (\`json\`, \`text\` or \`base64\`), \`payload\` (what JSON holds; else a string).
\`messages\` adds \`notBefore\` to one that is not due yet, \`listen --contract\` adds \`fault\` to one that does not fit.

**A waiting one** (\`list\`, \`show\`): the fields of a message, and \`code\`, \`reason\`, \`attempts\`, \`first\` and \`last\` failure, \`due\` (parked: the next attempt; left out where
only a person can ask for one), \`follows\` (parked: it waits for an earlier one of its key). With \`--summary\`: \`channel\`, \`group\`, \`type\`, \`code\`, \`reason\` of one of them,
\`count\`, \`first\`, \`last\`.

**What was done** (\`redrive\`, \`edit\`, \`skip\`, \`discard\`), one value: \`action\`, \`matched\`, \`done\`, \`gone\` (no longer there, or being handled, when their turn came), \`dryRun\`.

**A channel** (\`channels\`): \`channel\`, \`kind\`, \`group\`, \`waiting\`, \`oldest\`, \`parked\`, \`deadLetters\`, \`invalidMessages\`, \`members\` (each \`name\`, \`shards\` it owns, and \`owns\`,
their names, where the transport can tell), and with \`--keys\` \`hotKeys\` (each \`key\`, \`waiting\`) of the first \`scanned\`.

**A sent message** (\`send\`): \`id\`, \`message\`, \`channel\`. **A reply** (\`request\`): \`type\`, \`failure\`, \`from\`, \`id\`, \`headers\`, \`encoding\`, \`payload\`.

## Exit codes

| Code | |
|---|---|
${exitMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |`).join('\n')}
`

const cell = (text: string): string => text.replaceAll('|', '\\|')

function section(command: Command, above: readonly string[]): string {
  const path = [...above, command.name]
  const parts = [`${'#'.repeat(path.length)} ${path.slice(1).join(' ')}`, command.summary]
  if (command.about !== undefined) parts.push(command.about)
  if (command.commands.length === 0) {
    parts.push(`\`\`\`sh\n${usageOf(path, command)}\n\n${command.examples.map(([line, says]) => `${line}   # ${says}`).join('\n')}\n\`\`\``)
    const rows = [
      ...command.operands.map(({ name, says }) => `| ${name} | ${cell(says)} |`),
      ...Object.entries(command.args).map(([name, arg]) => {
        const { alias, default: value } = arg as { alias?: string; default?: unknown }
        const given = arg.type === 'boolean' ? '' : ` ${hintOf(command, name)}`
        const more = [
          ...(command.repeated.has(name) ? ['may be given several times'] : []),
          ...(value === undefined || value === false ? [] : [`default \`${String(value)}\``]),
        ]
        return `| \`${alias === undefined ? '' : `-${alias}, `}--${name}${cell(given)}\` | ${cell(arg.description ?? '')}${more.length === 0 ? '' : ` (${more.join(', ')})`} |`
      }),
    ]
    if (rows.length > 0) parts.push(`| | |\n|---|---|\n${rows.join('\n')}`)
  }
  return [...parts, ...command.commands.map((each) => section(each, path))].join('\n\n')
}

/** The page. */
export function cliReference(): string {
  return `${intro}\n${pabal.commands.map((each) => section(each, [pabal.name])).join('\n\n')}\n\n${shapes}`
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '../docs/reference/cli.md'), cliReference())
