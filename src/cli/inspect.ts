import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isPabalError, PabalError } from '../errors.ts'
import { systemRuntime } from '../runtime/system.ts'
import { transportFrom } from '../service/transports.ts'
import type { Depth, Stored, Transport } from '../transport/seam.ts'
import { depthTable, storedAsJson, storedText } from './show.ts'
import { Usage } from './usage.ts'

export const inspectHelp = `pabal inspect URL [--channel ADDRESS] [--group GROUP] [--parked] [--limit N] [--json]

Shows what waits in a store, and takes nothing away.

  pabal inspect sqlite:./ftgo.db                            every channel and group
  pabal inspect sqlite:./ftgo.db --channel kitchen          the messages that wait there
  pabal inspect sqlite:./ftgo.db --channel kitchen --parked its parked messages, with the reason
  pabal inspect sqlite:./ftgo.db --channel Ticket --group history

  --limit N   at most N messages (default 20)
  --json      one JSON value a line, for scripts`

/** `pabal inspect`. Throws `Usage` where it is called wrongly, and what the transport says otherwise. */
export async function inspect(args: readonly string[]): Promise<void> {
  const { values, positionals } = read(args)
  if (values.help) return console.log(inspectHelp)
  const [url, ...more] = positionals
  if (url === undefined || more.length > 0) throw new Usage('Give one URL.', inspectHelp)
  const limit = Number(values.limit)
  if (!Number.isInteger(limit) || limit < 1) throw new Usage(`--limit is "${values.limit}", give a whole number from 1.`, inspectHelp)
  if (values.channel === undefined && (values.group !== undefined || values.parked))
    throw new Usage(`${values.parked ? '--parked' : '--group'} needs --channel.`, inspectHelp)
  const transport = await opened(url)
  try {
    const { admin } = transport
    if (!admin) throw new PabalError('UNSUPPORTED', `${transport.name} cannot be inspected`)
    const depths = await admin.depths()
    if (values.channel === undefined) {
      if (values.json) for (const depth of depths) console.log(JSON.stringify(depth))
      else console.log(depthTable(depths, systemRuntime.now()))
      return
    }
    const place = find(depths, values.channel, values.group)
    const found = await admin.browse(
      { channel: place.channel, ...(place.group !== undefined && { group: place.group }), parked: values.parked },
      { limit },
    )
    show(found, values.json === true)
    if (values.json) return
    if (found.length === limit) console.log(`(the first ${limit}; --limit shows more)`)
    else if (!values.parked && place.waiting > found.length)
      console.log(`(${place.waiting - found.length} more: sent for a later time, or gone meanwhile)`)
  } finally {
    await transport.close()
  }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        channel: { type: 'string' },
        group: { type: 'string' },
        parked: { type: 'boolean', default: false },
        limit: { type: 'string', default: '20' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new Usage((error as Error).message, inspectHelp)
  }
}

async function opened(url: string): Promise<Transport> {
  if (/^memory:/i.test(url))
    throw new Usage('memory: lives in the process that made it and cannot be seen from here; ask app.channels() there.', inspectHelp)
  // Opening would make the file: whoever looks has mistyped its name, or nobody has used it yet.
  const file = /^sqlite:(?:\/\/)?([^?]+)/i.exec(url)?.[1]
  if (file !== undefined && !existsSync(file))
    throw new PabalError('STORE_UNUSABLE', `there is no file ${file}`, {
      hint: 'Check the path; the first service that connects makes the file.',
    })
  const transport = await transportFrom(url, systemRuntime).catch((error: unknown) => {
    throw isPabalError(error, 'UNKNOWN_TRANSPORT') ? new Usage(error.message, inspectHelp) : error
  })
  await transport.open(() => {})
  return transport
}

/** The queue that is meant; its group is named where there is more than one. */
function find(depths: readonly Depth[], address: string, group: string | undefined): Depth {
  const here = depths.filter((depth) => depth.channel.address === address)
  const names = here.map((depth) => depth.group).filter((name) => name !== undefined)
  const [first, ...others] = here
  if (first === undefined) {
    const known = [...new Set(depths.map((depth) => depth.channel.address))].join(', ') || 'none'
    throw new Usage(`There is no channel "${address}" that anybody reads; there are ${known}.`, inspectHelp)
  }
  if (first.channel.kind === 'point-to-point') {
    if (group !== undefined) throw new Usage(`${address} is read by one service and has no groups: leave --group away.`, inspectHelp)
    return first
  }
  if (group === undefined && others.length === 0) return first
  const chosen = here.find((depth) => depth.group === group)
  if (group !== undefined && chosen !== undefined) return chosen
  throw new Usage(
    group === undefined
      ? `${address} has groups: choose one with --group: ${names.join(', ')}.`
      : `${address} has no group "${group}"; it has ${names.join(', ') || 'none'}.`,
    inspectHelp,
  )
}

function show(found: readonly Stored[], json: boolean): void {
  if (json) for (const stored of found) console.log(storedAsJson(stored))
  else console.log(found.length === 0 ? 'Nothing waits here.' : found.map(storedText).join('\n\n'))
}
