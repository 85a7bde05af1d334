import { systemRuntime } from '../../src/runtime/system.ts'
import { transportFrom } from '../../src/service/transports.ts'
import { hostMember } from '../../src/testing/index.ts'

hostMember((url) => transportFrom(url, systemRuntime))
