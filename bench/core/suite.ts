import type { Pair } from '../pair.ts'
import { importTime } from './import-time.ts'
import { memoryPairs } from './memory.ts'
import { sqlitePairs } from './sqlite.ts'

export const core: readonly Pair[] = [...sqlitePairs, ...memoryPairs, importTime]
