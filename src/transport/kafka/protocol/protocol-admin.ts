import type { Api } from './protocol.ts'

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  /** -1: the broker's default. */
  readonly replicas: number
  readonly settings: Readonly<Record<string, string>>
}

export const createTopics: Api<readonly NewTopic[], readonly { name: string; code: number; said: string | null }[]> = {
  name: 'CreateTopics',
  key: 19,
  version: 4,
  write(to, topics) {
    to.array(topics, ({ name, partitions, replicas, settings }) => {
      to.text(name).i32(partitions).i16(replicas).i32(0)
      to.array(Object.entries(settings), ([setting, value]) => to.text(setting).text(value))
    })
    to.i32(30_000).bool(false)
  },
  read(from) {
    from.i32()
    return from.array(() => ({ name: from.text(), code: from.i16(), said: from.nullableText() }))
  },
}

export const resourceTypes = { topic: 2, broker: 4 } as const

export interface ConfigAsk {
  readonly type: number
  readonly name: string
  readonly settings: readonly string[]
}

export const describeConfigs: Api<
  readonly ConfigAsk[],
  readonly { code: number; said: string | null; name: string; settings: ReadonlyMap<string, string> }[]
> = {
  name: 'DescribeConfigs',
  key: 32,
  version: 1,
  write(to, resources) {
    to.array(resources, ({ type, name, settings }) => {
      to.i8(type).text(name)
      to.array(settings, (setting) => to.text(setting))
    })
    to.bool(false)
  },
  read(from) {
    from.i32()
    return from.array(() => {
      const code = from.i16()
      const said = from.nullableText()
      from.i8()
      const name = from.text()
      const settings = new Map(
        from.array((): [string, string] => {
          const setting = from.text()
          const value = from.nullableText() ?? ''
          from.i8()
          from.i8()
          from.i8()
          from.array(() => [from.text(), from.nullableText(), from.i8()])
          return [setting, value]
        }),
      )
      return { code, said, name, settings }
    })
  },
}

export const listGroups: Api<undefined, { code: number; groups: readonly { group: string; type: string }[] }> = {
  name: 'ListGroups',
  key: 16,
  version: 2,
  write: () => undefined,
  read(from) {
    from.i32()
    return { code: from.i16(), groups: from.array(() => ({ group: from.text(), type: from.text() })) }
  },
}

export interface DescribedGroup {
  readonly code: number
  readonly group: string
  readonly state: string
  readonly protocol: string
  readonly members: readonly { readonly member: string; readonly client: string; readonly host: string; readonly assignment: Buffer }[]
}

export const describeGroups: Api<readonly string[], readonly DescribedGroup[]> = {
  name: 'DescribeGroups',
  key: 15,
  version: 2,
  write: (to, groups) => void to.array(groups, (group) => to.text(group)),
  read(from) {
    from.i32()
    return from.array(() => {
      const code = from.i16()
      const group = from.text()
      const state = from.text()
      from.text()
      const protocol = from.text()
      const members = from.array(() => {
        const member = from.text()
        const client = from.text()
        const host = from.text()
        from.bytes()
        return { member, client, host, assignment: from.bytes() }
      })
      return { code, group, state, protocol, members }
    })
  },
}
