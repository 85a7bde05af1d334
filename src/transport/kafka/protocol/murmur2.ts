/** The hash by which Kafka's clients choose the partition of a key. The same key lies in the same partition, whoever sends it. */
export function murmur2(bytes: Uint8Array): number {
  const m = 0x5bd1e995
  const length = bytes.length
  let hash = 0x9747b28c ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let word = (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24)
    word = Math.imul(word, m)
    word = Math.imul(word ^ (word >>> 24), m)
    hash = Math.imul(hash, m) ^ word
  }
  const rest = length - i
  if (rest >= 3) hash ^= (bytes[i + 2] as number) << 16
  if (rest >= 2) hash ^= (bytes[i + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[i] as number), m)
  hash = Math.imul(hash ^ (hash >>> 13), m)
  return hash ^ (hash >>> 15)
}

/** The partition of a key, as Kafka's own clients choose it. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
