import type { Runtime } from '../runtime/runtime.ts'

/** The same runtime, and how many of the timers that were set through it have neither run nor been cancelled. */
export function countTimers(inner: Runtime): Runtime & { readonly open: number } {
  let open = 0
  return {
    now: () => inner.now(),
    monotonic: () => inner.monotonic(),
    random: () => inner.random(),
    id: () => inner.id(),
    ...(inner.point === undefined ? {} : { point: (name) => inner.point?.(name) }),
    timer: (ms, run, background) => {
      let over = false
      const end = (): void => {
        if (!over) open--
        over = true
      }
      open++
      const timer = inner.timer(
        ms,
        () => {
          end()
          run()
        },
        background,
      )
      return {
        cancel: () => {
          end()
          timer.cancel()
        },
      }
    },
    get open() {
      return open
    },
  }
}
