import { hostMember } from '../../src/testing/index.ts'
import { RoughNats } from './nats.ts'

hostMember((address, prefix) => new RoughNats(address as string, prefix as string))
