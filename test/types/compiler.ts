import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** One run of the real compiler over generated files, in a folder of its own inside the repository, so that imports resolve. */
export interface Run {
  readonly folder: string
  readonly errors: readonly Diagnostic[]
  readonly output: string
}

export interface Diagnostic {
  /** Relative to the run's folder. */
  readonly file: string
  readonly line: number
  /** The first line of the message, without its code. */
  readonly text: string
}

export function workFolder(): { readonly path: string; readonly remove: () => void } {
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const path = mkdtempSync(join(root, '.tmp', 'types-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export async function compile(folder: string, files: readonly string[], options: object = {}, ...flags: string[]): Promise<Run> {
  const config = { extends: '../../tsconfig.json', compilerOptions: options, include: [], files }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const output = await new Promise<string>((resolve, reject) => {
    const args = ['-p', folder, '--pretty', 'false', ...flags]
    execFile(join(root, 'node_modules/.bin/tsc'), args, { cwd: root, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      // Compile errors end the compiler with 1 or 2; anything else means that it did not run.
      if (error !== null && (typeof error.code !== 'number' || error.code > 2))
        reject(new Error(`tsc did not run: ${error.message}${stderr}`))
      else resolve(stdout)
    })
  })
  const errors: Diagnostic[] = []
  for (const found of output.matchAll(/^(\S[^(\n]*)\((\d+),\d+\): error TS\d+: (.*)$/gm))
    errors.push({ file: relative(folder, join(root, found[1] as string)), line: Number(found[2]), text: found[3] as string })
  return { folder, errors, output }
}
