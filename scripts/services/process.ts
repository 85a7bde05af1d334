import { readFileSync } from 'node:fs'

/** When a process began, in ticks since the machine did: with its id it names the process for good. Undefined where it is gone, or not known. */
export function beginOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // the name in brackets may hold anything; the state is the 3rd field, the beginning the 22nd
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : fields[18]
  } catch {
    return undefined
  }
}
