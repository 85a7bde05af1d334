import { codes, KafkaFault } from '../protocol/codes.ts'
import { offsetCommit, offsetFetch } from '../protocol/protocol.ts'
import type { Cluster } from './cluster.ts'

/**
 * A new group begins with what is published from now on; a transient one whenever nobody is in it. The ends are read before it is
 * asked whether the group has a position: two that begin at once then lose nothing, whoever writes last.
 */
export async function begin(
  cluster: Cluster,
  { topic, group, parks, partitions }: { topic: string; group: string; parks: string | undefined; partitions: number },
): Promise<void> {
  const all = Array.from({ length: partitions }, (_, n) => n)
  const ends = await cluster.offsets(topic, all)
  if (parks !== undefined) {
    const ask = { group, topic, partitions: all }
    const { topics } = await cluster.coordinated(group, offsetFetch, ask, (answer) => answer.code)
    if (topics.some((one) => one.partitions.some(({ offset }) => offset >= 0))) return
    // The broker forgets the positions of a group that nobody has joined for long; its parking lot remembers.
    if ((await cluster.offsets(parks, all)).some((end) => end > 0)) return
  }
  const commits = all.map((partition, index) => ({ partition, offset: ends[index] ?? 0, metadata: '' }))
  const ask = { group, generation: -1, member: '', topic, commits }
  try {
    await cluster.coordinated(group, offsetCommit, ask, (answer) => answer.flat().find(({ code }) => code !== 0)?.code ?? 0)
  } catch (error) {
    // It has members, who have done this before.
    const known: readonly number[] = [codes.UNKNOWN_MEMBER_ID, codes.ILLEGAL_GENERATION, codes.REBALANCE_IN_PROGRESS]
    if (!(error instanceof KafkaFault && known.includes(error.code))) throw error
  }
}
