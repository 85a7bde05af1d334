import { hostMember } from '../../src/testing/index.ts'
import { createHub } from '../../src/transport/memory/index.ts'

// a store of its own: enough to show that every call passes between the processes
hostMember((name) => createHub().transport(name))
