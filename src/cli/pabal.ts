import { channels } from './channels/channels.ts'
import { messages } from './channels/messages.ts'
import { completionCommand } from './completion.ts'
import { type Command, group } from './frame/command.ts'
import { lotCommands } from './lots/commands.ts'
import { rights } from './rights/rights.ts'
import { listen } from './talk/listen.ts'
import { request } from './talk/request.ts'
import { send } from './talk/send.ts'

const commands: readonly Command[] = [channels, listen, messages, send, request, ...lotCommands, rights, completionCommand(() => commands)]

/** The whole command line. */
export const pabal: Command = group({
  name: 'pabal',
  summary: 'Looks into the channels of Pabal services, sends to them, and mends what failed.',
  about:
    'The store or broker is named by its URL, which stands first: sqlite:./app.db. Set PABAL_URL and it can be left out; then no password stands in the list of processes. No command prints one.',
  commands,
  examples: [
    ['pabal channels sqlite:./ftgo.db', 'what waits, and who reads it'],
    ['pabal listen sqlite:./ftgo.db', 'events as they are published'],
    [`pabal request sqlite:./ftgo.db kitchen.contract.ts kitchen.menu '{"restaurantId":"r-1"}'`, 'ask a service'],
    ['pabal dead-letters list sqlite:./ftgo.db', 'what failed, and why'],
  ],
})
