import type * as real from '@platformatic/kafka'
import type { Driver } from '../../src/transport/kafka/driver.ts'

// The driver as it is installed has what is used of it.
export const fits = (driver: typeof real): Driver => driver
