import type { Definition } from '../definition.ts'
import { adminScenarios } from './admin.ts'
import { failingScenarios } from './app/failing.ts'
import { gatherScenarios } from './app/gathering.ts'
import { holdingScenarios } from './app/holding.ts'
import { leakScenarios } from './app/leaks.ts'
import { overloadScenarios } from './app/overload.ts'
import { redriveScenarios } from './app/redriving.ts'
import { replyScenarios } from './app/replies.ts'
import { requestScenarios } from './app/requests.ts'
import { rollingScenarios } from './app/rolling.ts'
import { versionScenarios } from './app/versions.ts'
import { deliveryScenarios } from './delivery.ts'
import { groupScenarios } from './groups.ts'
import { laneScenarios } from './lanes.ts'
import { lifecycleScenarios } from './lifecycle.ts'
import { limitScenarios } from './limits.ts'
import { lossScenarios } from './losses.ts'
import { orderScenarios } from './order.ts'
import { ownershipScenarios } from './ownership.ts'
import { parkingScenarios } from './parking.ts'
import { settlementScenarios } from './settlement.ts'

export const allScenarios: readonly Definition[] = [
  ...deliveryScenarios,
  ...orderScenarios,
  ...groupScenarios,
  ...lifecycleScenarios,
  ...limitScenarios,
  ...laneScenarios,
  ...settlementScenarios,
  ...parkingScenarios,
  ...ownershipScenarios,
  ...lossScenarios,
  ...adminScenarios,
  ...holdingScenarios,
  ...failingScenarios,
  ...redriveScenarios,
  ...versionScenarios,
  ...overloadScenarios,
  ...rollingScenarios,
  ...requestScenarios,
  ...replyScenarios,
  ...gatherScenarios,
  ...leakScenarios,
]
