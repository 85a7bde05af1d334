/**
 * Who of a group owns which shard. Every member computes this by itself from the same list of members, so it must be the
 * same everywhere: it depends on the names alone, not on their order.
 *
 * Even: no member has two shards more than another. Little moves when a member comes or goes: each shard ranks the members
 * by a hash of (member, shard) and takes the first that has room.
 */
export function assign(members: readonly string[], shards: number): Map<string, number[]> {
  const names = [...new Set(members)].sort()
  const owned = new Map<string, number[]>(names.map((name) => [name, []]))
  if (names.length === 0) return owned
  // The better rank of a shard chooses first, so that a new member takes a shard here and there and not a whole row.
  const wishes = names.flatMap((name) => Array.from({ length: shards }, (_, shard) => ({ name, shard, rank: rank(name, shard) })))
  wishes.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.shard - b.shard))
  const taken = new Set<number>()
  // First every member up to the even share, then what is left over, one each.
  for (const room of [Math.floor(shards / names.length), Math.ceil(shards / names.length)]) {
    for (const wish of wishes) {
      const mine = owned.get(wish.name) as number[]
      if (taken.has(wish.shard) || mine.length >= room) continue
      taken.add(wish.shard)
      mine.push(wish.shard)
    }
  }
  for (const mine of owned.values()) mine.sort((a, b) => a - b)
  return owned
}

/** FNV-1a with a final mix, since names differ in few characters and the ranks must not. */
function rank(name: string, shard: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (shard + 1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
