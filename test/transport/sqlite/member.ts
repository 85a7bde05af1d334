import { hostMember } from '../../../src/testing/index.ts'
import { sqlite } from '../../../src/transport/sqlite/index.ts'

hostMember((options) => sqlite(JSON.parse(options)))
