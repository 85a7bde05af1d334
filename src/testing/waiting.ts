import { AssertionError } from 'node:assert'
import type { Runtime } from '../runtime/runtime.ts'

/** Resolves after `ms` milliseconds of the runtime's time. */
export const pause = (runtime: Runtime, ms: number): Promise<void> => new Promise((resolve) => void runtime.timer(ms, resolve))

/**
 * Waits for something that others bring about. The bound is on idleness, not on the total: as long as `progress` changes,
 * a slow machine may take its time.
 */
export async function until(
  runtime: Runtime,
  patience: number,
  condition: () => boolean,
  what: () => string,
  progress: () => unknown = () => 0,
): Promise<void> {
  let last = progress()
  let since = runtime.monotonic()
  while (!condition()) {
    await pause(runtime, 4)
    const now = progress()
    if (now !== last) {
      last = now
      since = runtime.monotonic()
    } else if (runtime.monotonic() - since > patience) {
      if (condition()) return
      throw new AssertionError({ message: `${what()}: nothing happened for ${patience} ms` })
    }
  }
}

/** The promise, or a failure that says what was awaited. */
export function within<T>(runtime: Runtime, ms: number, what: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = runtime.timer(ms, () => reject(new AssertionError({ message: `${what}: not within ${ms} ms` })))
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
