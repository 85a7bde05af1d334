import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Effect, EffectName } from './effects.ts'
import type { Intent } from './feeder.ts'
import { readLines } from './lines.ts'
import { databasePath, intentsPath, journalPath, type Place, type ServiceName } from './place.ts'

export interface Verdict {
  readonly orders: number
  /** How many orders ended in which state, as the order service has it. */
  readonly finalStates: Readonly<Record<string, number>>
  /** Orders of which something that was to be done was not. */
  readonly lost: readonly string[]
  /** Orders for which something was done more than once. */
  readonly duplicated: readonly string[]
  /** One sentence for each finding. */
  readonly findings: readonly string[]
}

/** Compares what was meant, what was done and what is believed. The services have ended. */
export function checkLedger(place: Place): Verdict {
  const intents = readLines<Intent>(intentsPath(place)).map(({ orderId }) => orderId)
  const states = readStates(place, 'order')
  const views = readStates(place, 'history')
  const effects = countEffects(place)
  const finalStates: Record<string, number> = {}
  const lost = new Set<string>()
  const duplicated = new Set<string>()
  const findings: string[] = []

  for (const orderId of intents) {
    // Refused at the first look or rejected later: to the consumer it is the same.
    const state = (states.get(orderId) ?? 'missing').replace('refused', 'rejected')
    finalStates[state] = (finalStates[state] ?? 0) + 1
    const happened = (name: EffectName): number => effects.get(orderId)?.get(name) ?? 0
    const lose = (what: string): void => {
      lost.add(orderId)
      findings.push(`${orderId} (${state}): ${what}`)
    }
    for (const name of effectNames) {
      if (happened(name) < 2) continue
      duplicated.add(orderId)
      findings.push(`${orderId} (${state}): ${name} ${happened(name)} times`)
    }
    if (state === 'approved') {
      for (const name of doneForApproved) if (happened(name) === 0) lose(`never ${name}`)
      for (const name of undoing) if (happened(name) > 0) lose(`${name}, although it is approved`)
    } else if (state === 'rejected') {
      if (happened('authorized') > 0 && happened('reversed') === 0) lose('authorized, and never reversed')
      for (const name of finished) if (happened(name) > 0) lose(`${name}, although it is rejected`)
    } else lose('never came to its end')
    if (views.get(orderId) !== state) lose(`Order History has it as ${views.get(orderId) ?? 'missing'}`)
  }

  const meant = new Set(intents)
  for (const orderId of effects.keys()) {
    if (meant.has(orderId)) continue
    duplicated.add(orderId)
    findings.push(`${orderId}: something was done for it, and nobody meant it`)
  }
  return { orders: intents.length, finalStates, lost: [...lost], duplicated: [...duplicated], findings }
}

const doneForApproved: readonly EffectName[] = ['authorized', 'ticket-confirmed', 'cook-reminded', 'courier-booked']
const finished: readonly EffectName[] = ['ticket-confirmed', 'cook-reminded', 'courier-booked']
const undoing: readonly EffectName[] = ['reversed', 'ticket-cancelled']
const effectNames: readonly EffectName[] = [...doneForApproved, ...undoing]
const withJournals: readonly ServiceName[] = ['accounting', 'kitchen', 'delivery']

function countEffects(place: Place): Map<string, Map<EffectName, number>> {
  const counts = new Map<string, Map<EffectName, number>>()
  for (const service of withJournals) {
    for (const { orderId, effect } of readLines<Effect>(journalPath(place, service))) {
      const own = counts.get(orderId) ?? new Map<EffectName, number>()
      counts.set(orderId, own.set(effect, (own.get(effect) ?? 0) + 1))
    }
  }
  return counts
}

function readStates(place: Place, service: ServiceName): Map<string, string> {
  const path = databasePath(place, service)
  if (!existsSync(path)) return new Map()
  const database = new DatabaseSync(path)
  try {
    return new Map(
      database
        .prepare('SELECT id, state FROM orders')
        .all()
        .map((row) => [String(row.id), String(row.state ?? 'unfinished')]),
    )
  } finally {
    database.close()
  }
}
