#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { systemRuntime } from '../runtime/system.ts'
import { exit } from './frame/exit.ts'
import { run } from './frame/run.ts'
import { systemShell } from './frame/shell.ts'
import { pabal } from './pabal.ts'

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version

const ended = new AbortController()
let heard = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (heard) process.exit(exit.interrupted)
    heard = true
    ended.abort()
    // What cannot be ended in order is ended all the same.
    systemRuntime.timer(3000, () => process.exit(exit.interrupted), true)
  })

// `pabal messages … | head`: whoever read has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exit.done : exit.failed))
// Node says of some of its modules and of TypeScript that they are experimental: nothing that whoever looks at messages can act on.
process.removeAllListeners('warning')

const code = await run(pabal, process.argv.slice(2), systemShell(ended.signal), version)
// A driver may still hold something open; what was written is written out first.
process.stdout.write('', () => process.exit(code))
