export { SimulatedRuntime } from '../../runtime/simulated.ts'
export { type Fault, FaultPlan, type PlannedFault } from './plan.ts'
export { type Fate, SimulatedProcess } from './process.ts'
export { Draw, Simulation, simulate } from './simulate.ts'
