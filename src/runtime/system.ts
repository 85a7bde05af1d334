import type { Runtime, Timer } from './runtime.ts'
import { UuidV7 } from './uuid.ts'

const ids = new UuidV7(Date.now)

/** The ordinary runtime: the process's own clock, timers and randomness; no fault points. */
export const systemRuntime: Runtime = {
  now: Date.now,
  monotonic: () => performance.now(),
  timer: (ms, run, background = false): Timer => {
    if (ms <= 0) {
      // Never unreferenced: the loop would then wait for something else to happen first, and one turn holds nothing open.
      const soon = setImmediate(run)
      return { cancel: () => clearImmediate(soon) }
    }
    const handle = setTimeout(run, ms)
    if (background) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  random: Math.random,
  id: (now) => ids.next(now),
}
