import { hostMember } from '../../src/testing/index.ts'
import { RoughKafka } from './kafka.ts'

hostMember((address, prefix) => new RoughKafka(address as string, prefix as string))
