import { hostMember } from '../../src/testing/index.ts'
import { kafka } from '../../src/transport/kafka/index.ts'

hostMember((address, prefix, partitions) => kafka({ brokers: [address as string], prefix, partitions: Number(partitions) }))
