import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { openMesh } from '../../../src/transport/sqlite/mesh/mesh.ts'
import type { Mesh, MeshOptions } from '../../../src/transport/sqlite/mesh/types.ts'

export function freshFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), 'mesh-'))
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'm')
}

export interface Member {
  readonly mesh: Mesh
  readonly frames: { from: string; frame: Buffer }[]
  readonly gone: { member: string; how: string; at: number }[]
  readonly back: string[]
}

export async function member(folder: string, self: string, options: Partial<MeshOptions> = {}): Promise<Member> {
  const frames: Member['frames'] = []
  const gone: Member['gone'] = []
  const back: string[] = []
  const mesh = await openMesh({
    folder,
    self,
    runtime: systemRuntime,
    onFrame: (from, frame) => void frames.push({ from, frame }),
    onGone: (who, how) => void gone.push({ member: who, how, at: performance.now() }),
    onBack: (who) => void back.push(who),
    ...options,
  })
  onTestFinished(() => mesh.close())
  return { mesh, frames, gone, back }
}

export interface Child {
  readonly process: ChildProcess
  readonly address: string
}

export async function child(folder: string, self: string, mode = 'echo'): Promise<Child> {
  const script = fileURLToPath(new URL('./child.ts', import.meta.url))
  const started = spawn(process.execPath, [script, folder, self, mode], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void started.kill('SIGKILL'))
  const [text] = (await once(started.stdout, 'data')) as [Buffer]
  return { process: started, address: text.toString().trim() }
}

/** Waits until `ready`; fails after `within` milliseconds with what is missing. */
export async function until(what: string, ready: () => boolean, within = 4000): Promise<void> {
  const end = performance.now() + within
  while (!ready()) {
    if (performance.now() > end) throw new Error(`Not within ${within} ms: ${what}`)
    await new Promise((next) => setTimeout(next, 2))
  }
}
