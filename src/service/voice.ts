import type { MessageData, ServiceData } from '../contract/data.ts'
import { Port } from '../interaction/port.ts'
import { ask, type CallOptions, gather, tell, UsePort } from './calls.ts'
import { portal } from './portal.ts'
import type { Speaker } from './speaker.ts'

type Build = (speaker: Speaker) => unknown

/** `publish` and `call` of one service, made once when it starts; handlers and the service's handle get theirs from it. */
export interface Voice {
  readonly Publish: new (speaker: Speaker) => object
  readonly Call: new (speaker: Speaker) => object
  /** Every channel that this voice may speak to. */
  readonly ports: readonly Port[]
  readonly uses: ReadonlyMap<string, UsePort>
}

export function voiceOf(contract: ServiceData | undefined, as: string, within: number): Voice {
  const ports: Port[] = []
  const aggregates: Record<string, Build> = Object.create(null)
  for (const [aggregate, events] of Object.entries(contract?.events ?? {})) {
    const members: Record<string, Build> = Object.create(null)
    for (const [name, data] of Object.entries(events)) {
      const port = new Port(data)
      ports.push(port)
      members[name] = (speaker) => (key: string, payload: unknown, options?: CallOptions) => tell(speaker, port, payload, options, key)
    }
    const Aggregate = portal(members)
    aggregates[aggregate] = (speaker) => new Aggregate(speaker)
  }
  const uses = new Map<string, UsePort>()
  const calls: Record<string, Build> = Object.create(null)
  for (const [name, use] of Object.entries(contract?.uses ?? {})) {
    const port = new UsePort(name, use, as)
    ports.push(port)
    uses.set(name, port)
    calls[name] = (speaker) => callOf(speaker, port, within)
  }
  return { Publish: portal(aggregates), Call: portal(calls), ports, uses }
}

/** One of `call`: for a command a function with `send`; for a question to many an object with `gather`. */
function callOf(speaker: Speaker, port: UsePort, within: number): unknown {
  const { kind, to } = port.data
  if (kind === 'query') return questionOf(speaker, port, within, to)
  if (kind !== 'command') return oneWay(speaker, port)
  const call = (payload: unknown, options?: CallOptions) => ask(speaker, port, within, payload, options)
  return Object.assign(call, { send: (payload: unknown, options?: CallOptions) => sendForReply(speaker, port, payload, options) })
}

function sendForReply(speaker: Speaker, port: UsePort, payload: unknown, options: CallOptions | undefined) {
  let wish: ReturnType<UsePort['wish']>
  try {
    wish = port.wish(options?.context)
  } catch (error) {
    return speaker.refuse(error)
  }
  return tell(speaker, port, payload, options, undefined, wish)
}

/** A client's function for one declared message. */
export function clientCall(speaker: Speaker, data: MessageData, within: number): unknown {
  const port = new Port(data)
  if (data.kind === 'query') return questionOf(speaker, port, within, data.to)
  if (data.kind !== 'command') return oneWay(speaker, port)
  const call = (payload: unknown, options?: CallOptions) => ask(speaker, port, within, payload, options)
  return Object.assign(call, { send: oneWay(speaker, port) })
}

function questionOf(speaker: Speaker, port: Port, within: number, to: 'one' | 'many' | undefined): unknown {
  return to === 'many'
    ? Object.freeze({ gather: (payload: unknown, options?: CallOptions) => gather(speaker, port, within, payload, options) })
    : (payload: unknown, options?: CallOptions) => ask(speaker, port, within, payload, options)
}

const oneWay = (speaker: Speaker, port: Port) => (payload: unknown, options?: CallOptions) => tell(speaker, port, payload, options)
