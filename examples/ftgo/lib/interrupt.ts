import type { Supervisor } from './supervisor.ts'
import type { Tracker } from './tracker.ts'

/** Ctrl-C stops the placing of orders and lets what is under way come to its end; a second one ends everything at once. */
export function onInterrupt(stopping: AbortController, supervisor: Supervisor, say: (text: string) => void, tracker: Tracker): () => void {
  const heard = (): void => {
    if (stopping.signal.aborted) {
      supervisor.abandon()
      process.exit(130)
    }
    stopping.abort()
    say(`Draining: no new orders, ${tracker.open} to finish. Ctrl-C again ends at once.`)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, heard)
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, heard)
  }
}
