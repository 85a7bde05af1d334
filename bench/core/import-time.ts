import { spawnSync } from 'node:child_process'
import { anew, type Pair } from '../pair.ts'

const probe = "const from = performance.now(); await import('pabal'); console.log(performance.now() - from)"

/** How long `import 'pabal'` takes in a new process. */
export const importTime: Pair = {
  name: "import 'pabal'",
  unit: 'ms',
  rounds: 7,
  bound: 60,
  pabal: anew(async () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', probe], {
      encoding: 'utf8',
      cwd: new URL('../..', import.meta.url),
    })
    const ms = Number(stdout)
    if (!(ms > 0)) throw new Error(`the probe failed: ${stderr}`)
    return ms
  }),
}
