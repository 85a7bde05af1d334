import type { Stage } from './stage.ts'
import type { Need } from './world.ts'

/** A scenario before it is bound to a world. */
export interface Definition {
  readonly id: string
  readonly title: string
  readonly proves: string
  readonly needs?: readonly Need[]
  /** Milliseconds; default 60,000. */
  readonly timeout?: number
  play(stage: Stage): Promise<void>
}
