/** How many shards a channel has where nobody says otherwise: the most consumers of one group that can share its keys. */
export const defaultShards = 16

/** The shard of a key: FNV-1a over UTF-16 units, the same in every process and version (it is a wire fact). */
export function shardOf(key: string, shards: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % shards
}
