import { type Command, group } from '../frame/command.ts'
import { actCommand, acts } from './act.ts'
import { deadLetters, invalidMessages, type Kind, parkedMessages } from './kinds.ts'
import { listCommand, showCommand } from './look.ts'
import type { Act } from './work.ts'

function lotCommand(kind: Kind, does: readonly Act[]): Command {
  const line = `pabal ${kind.name}`
  return group({
    name: kind.name,
    summary: kind.summary,
    about: kind.about,
    commands: [listCommand(kind), showCommand(kind), ...does.map((act) => actCommand(kind, act))],
    examples: [
      [`${line} list sqlite:./ftgo.db --summary`, 'what went wrong, and how often'],
      [`${line} show sqlite:./ftgo.db 9f3a61c2ab04`, 'one of them'],
      [`${line} redrive sqlite:./ftgo.db --channel kitchen --rate 50/s`, 'have them handled again'],
    ],
  })
}

const { redrive, edit, skip, discard } = acts

export const lotCommands: readonly Command[] = [
  lotCommand(deadLetters, [redrive, edit, discard]),
  lotCommand(parkedMessages, [redrive, edit, skip, discard]),
  lotCommand(invalidMessages, [redrive, edit, discard]),
]
