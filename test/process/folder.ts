import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Task } from './chaos/actor.ts'
import { Actor } from './chaos/stagehand.ts'

export interface Scene {
  readonly folder: string
  readonly url: string
  /** Starts a process and waits until it is ready, or dead. */
  start(role: Task['role'], name: string, more?: Partial<Task>): Promise<Actor>
}

/** A folder with a store, and processes on it that are ended with the test. */
export function scene(): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'pabal-process-'))
  const url = `sqlite:${join(folder, 'store.db')}`
  const actors: Actor[] = []
  onTestFinished(async () => {
    for (const actor of actors) actor.kill()
    await Promise.all(actors.map((actor) => actor.ended))
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    folder,
    url,
    start: async (role, name, more) => {
      const actor = new Actor({ role, name, url, folder, ...more })
      actors.push(actor)
      await actor.ready
      return actor
    },
  }
}
