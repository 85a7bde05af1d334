/** Writes docs/reference/errors.md from the table in src/errors.ts. A test compares the two. `npm run errors`. */
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { errorTable } from '../src/errors.ts'

const page = new URL('../docs/reference/errors.md', import.meta.url)

export function errorReference(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { retryable, meaning, hint }]) => `| \`${code}\` | ${retryable ? 'yes' : 'no'} | ${meaning} | ${hint} |`,
  )
  return `# Errors

<!-- Made by \`npm run errors\` from src/errors.ts; do not edit. -->

Every error that Pabal throws, rejects with or writes beside a dead letter is a \`PabalError\` with a \`code\` from this table. \`message\` says
what happened and what was given, \`hint\` what to do, \`cause\` what was caught. Where a message is concerned, \`id\` is its id.
\`isPabalError(error, 'OUTCOME_UNKNOWN')\` knows them from any copy of the library.

*Retryable* (\`error.retryable\`): the same again, unchanged, may succeed.

| Code | Retryable | Meaning | What to do |
|---|---|---|---|
${rows.join('\n')}
`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(page, errorReference())
