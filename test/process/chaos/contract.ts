import { z } from 'zod'
import { asks, command, defineService, notification } from '../../../src/index.ts'

const Note = z.object({ key: z.string(), seq: z.number() })

/** The second stage: takes what the first one sends on from its handler. */
export const Audit = defineService('audit', { version: '1.0.0', commands: { note: notification(Note, { key: 'key' }) } })

/** The first stage. */
export const Work = defineService('work', {
  version: '1.0.0',
  commands: { note: notification(Note, { key: 'key' }) },
  uses: { audit: asks(Audit.commands.note) },
})

/** Answers late, so that the asker can die in between. */
export const Oven = defineService('oven', {
  version: '1.0.0',
  commands: { bake: command(Note, { key: 'key', replies: { Baked: Note } }) },
})

export const Asker = defineService('asker', {
  version: '1.0.0',
  uses: { bake: asks(Oven.commands.bake, { context: z.object({ guest: z.string() }) }) },
})
