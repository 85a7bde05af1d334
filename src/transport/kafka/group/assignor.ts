import { assign } from '../../shared/assignment.ts'
import { ByteReader, ByteWriter } from '../protocol/bytes.ts'

/** What a member says when it joins: what it holds, and what it would rather see with somebody else. */
export interface Claim {
  readonly member: string
  readonly owned: readonly number[]
  readonly refused: readonly number[]
}

export interface Assignment {
  readonly partitions: readonly number[]
  /** How many members the group has. */
  readonly members: number
}

/** Rises when members of different versions could not share a group. */
export const protocolName = 'pabal-1'

/**
 * Who gets which partition: evenly, by names alone, so that little moves when members come and go. A partition that its member
 * refuses goes to one that does not; one that another member still holds goes to nobody until that one has let go.
 */
export function share(claims: readonly Claim[], partitions: number): Map<string, number[]> {
  const targets = assign(
    claims.map(({ member }) => member),
    partitions,
  )
  const byMember = new Map(claims.map((claim) => [claim.member, claim]))
  for (const { member, refused } of claims) {
    for (const partition of refused) {
      const mine = targets.get(member) as number[]
      if (!mine.includes(partition)) continue
      const willing = claims.filter((claim) => !claim.refused.includes(partition))
      const holder = claims.find((claim) => claim.owned.includes(partition))
      const held = (claim: Claim): number => (targets.get(claim.member) as number[]).length
      const next = willing.length > 0 ? willing.reduce((a, b) => (held(b) < held(a) ? b : a)) : holder
      if (next === undefined || next.member === member) continue
      mine.splice(mine.indexOf(partition), 1)
      targets.get(next.member)?.push(partition)
    }
  }
  const given = new Map<string, number[]>()
  for (const [member, mine] of targets) {
    const free = (partition: number): boolean => {
      if (byMember.get(member)?.owned.includes(partition)) return true
      return !claims.some((claim) => claim.member !== member && claim.owned.includes(partition))
    }
    given.set(
      member,
      mine.filter(free).sort((a, b) => a - b),
    )
  }
  return given
}

/** In the form of Kafka's own consumers, so that its tools can show it. */
export function writeClaim(topic: string, owned: readonly number[], refused: readonly number[]): Buffer {
  const data = Buffer.from(JSON.stringify({ owned, refused }))
  return new ByteWriter().i16(0).i32(1).text(topic).bytes(data).take()
}

export function readClaim(member: string, bytes: Buffer): Claim {
  try {
    const from = new ByteReader(bytes)
    from.i16()
    from.array(() => from.text())
    const { owned, refused } = JSON.parse(from.bytes().toString('utf8')) as Claim
    return { member, owned, refused }
  } catch {
    return { member, owned: [], refused: [] }
  }
}

export function writeAssignment(topic: string, { partitions, members }: Assignment): Buffer {
  const to = new ByteWriter().i16(0).i32(1).text(topic)
  to.array(partitions, (partition) => to.i32(partition))
  return to.bytes(Buffer.from(JSON.stringify({ members }))).take()
}

export function readAssignment(bytes: Buffer): Assignment {
  if (bytes.length === 0) return { partitions: [], members: 0 }
  const from = new ByteReader(bytes)
  from.i16()
  const partitions = from.array(() => {
    from.text()
    return from.array(() => from.i32())
  })
  let members = 0
  try {
    members = (JSON.parse(from.bytes().toString('utf8')) as { members: number }).members
  } catch {
    // An assignment of another client's has no such data.
  }
  return { partitions: partitions.flat(), members }
}
