import type { Runtime, Timer } from './runtime.ts'
import { UuidV7 } from './uuid.ts'

const ids = new UuidV7(Date.now)

/** The ordinary runtime: the process's own clock, timers and randomness; no fault points. */
export const systemRuntime: Runtime = {
  now: Date.now,
  monotonic: () => performance.now(),
  timer: (ms, run, background = false): Timer => {
    if (ms <= 0) {
      const soon = setImmediate(run)
      if (background) soon.unref()
      return { cancel: () => clearImmediate(soon) }
    }
    const handle = setTimeout(run, ms)
    if (background) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  random: Math.random,
  id: () => ids.next(),
}
