import { hostMember } from '../../src/testing/host.ts'
import { amqp } from '../../src/transport/amqp/index.ts'
import { noting } from './broker.ts'

hostMember((url, prefix, shards, queues, file) =>
  amqp({ url: url ?? '', prefix, shards: Number(shards), queues: queues as 'quorum', driver: noting(file ?? '') }),
)
