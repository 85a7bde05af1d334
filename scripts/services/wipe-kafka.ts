import { Admin } from '@platformatic/kafka'

/** Deletes the topics and groups whose names begin with the prefix. */
export async function wipeKafka(url: string, prefix: string): Promise<void> {
  const admin = new Admin({ clientId: prefix, bootstrapBrokers: [new URL(url).host] })
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
  if (topics.length > 0) await admin.deleteTopics({ topics })
  const groups = [...(await admin.listGroups({})).keys()].filter((group) => group.startsWith(prefix))
  if (groups.length > 0) await admin.deleteGroups({ groups }).catch(() => undefined)
  await admin.close()
}
