import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readLedger } from './ledger.ts'

export interface Verdict {
  readonly intents: number
  readonly acknowledged: number
  readonly effects: number
  readonly duplicates: number
  /** What is wrong, in words; empty where every promise held. */
  readonly faults: readonly string[]
}

/** Compares what producers know with what consumers did. `all`: every intent was acknowledged in the end. */
export function judge(folder: string): Verdict {
  const intents = new Map<string, { key: string; seq: number }>()
  const acknowledged = new Set<string>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ledger'))) {
    for (const [what, id = '', key = '', seq = ''] of readLedger(join(folder, file))) {
      if (what === 'sent') acknowledged.add(id)
      else intents.set(id, { key, seq: Number(seq) })
    }
  }
  const faults: string[] = []
  let effects = 0
  let duplicates = 0
  for (const stage of ['work', 'audit']) {
    const found = judgeStage(stage, readLedger(join(folder, `${stage}.effects`)), intents, acknowledged)
    faults.push(...found.faults)
    effects += found.effects
    duplicates += found.duplicates
  }
  return { intents: intents.size, acknowledged: acknowledged.size, effects, duplicates, faults }
}

/** How many of the acknowledged messages have no effect yet, at the stage that comes last. */
export function outstanding(folder: string): number {
  const done = new Set(readLedger(join(folder, 'audit.effects')).map(([key, seq]) => `${key} ${seq}`))
  const names = readdirSync(folder).filter((name) => name.endsWith('.ledger'))
  const lines = names.flatMap((name) => readLedger(join(folder, name)))
  const noteOf = new Map(lines.filter(([what]) => what === 'intent').map(([, id = '', key, seq]) => [id, `${key} ${seq}`]))
  return lines.filter(([what, id = '']) => what === 'sent' && !done.has(noteOf.get(id) ?? '')).length
}

function judgeStage(
  stage: string,
  lines: readonly string[][],
  intents: ReadonlyMap<string, { key: string; seq: number }>,
  acknowledged: ReadonlySet<string>,
) {
  const faults: string[] = []
  const ids = new Map<string, string>()
  const last = new Map<string, number>()
  let duplicates = 0
  for (const [key = '', seq = '', id = ''] of lines) {
    const note = `${key} ${seq}`
    const known = ids.get(note)
    if (known !== undefined) {
      duplicates++
      if (known !== id) faults.push(`${stage}: ${note} came as ${known} and again as ${id}`)
      continue
    }
    ids.set(note, id)
    // first times, key by key: nothing is passed over and nothing overtakes
    const expected = (last.get(key) ?? -1) + 1
    if (Number(seq) !== expected) faults.push(`${stage}: ${note} came where ${expected} was next`)
    last.set(key, Number(seq))
  }
  const sent = new Set([...intents.values()].map(({ key, seq }) => `${key} ${seq}`))
  for (const note of ids.keys()) if (!sent.has(note)) faults.push(`${stage}: ${note} has an effect and was never meant to be sent`)
  for (const id of acknowledged) {
    const intent = intents.get(id)
    if (intent !== undefined && !ids.has(`${intent.key} ${intent.seq}`))
      faults.push(`${stage}: ${intent.key} ${intent.seq} was acknowledged and has no effect`)
  }
  return { faults, effects: ids.size, duplicates }
}
