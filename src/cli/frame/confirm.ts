import { paintFor } from '../view/paint.ts'
import { Interrupted, Usage } from './exit.ts'
import type { Shell } from './shell.ts'

/** Asks a person. Where nobody can be asked, `--yes` must have been given. Throws `Usage`, or `Interrupted` where the answer is no. */
export async function confirm(shell: Shell, question: string, yes: boolean): Promise<void> {
  if (yes) return
  if (!shell.input.tty || !shell.err.tty) throw new Usage(`${question} Nobody can be asked here: give --yes, or look first with --dry-run.`)
  shell.err.write(`${paintFor(shell.err).bold(question)} [y/N] `)
  const answer = await Promise.race([
    shell.input.line(),
    new Promise<undefined>((resolve) => shell.ended.addEventListener('abort', () => resolve(undefined))),
  ])
  if (answer === undefined) shell.err.write('\n')
  if (!/^y(?:es)?$/i.test(answer?.trim() ?? '')) throw new Interrupted('Nothing was done.')
}
