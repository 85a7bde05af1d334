import { spawn } from 'node:child_process'

/** Runs a command to its end. Rejects with what it said where it fails or takes too long. */
export function execute(
  file: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly seconds: number },
): Promise<void> {
  const { cwd, env, seconds } = options
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: seconds * 1000, killSignal: 'SIGKILL' })
    let said = ''
    const hear = (text: Buffer) => {
      said = (said + text.toString()).slice(-4000)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', (error) => reject(new Error(`${file} cannot be run: ${error.message}`)))
    child.once('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`${file} ${args[0] ?? ''} ended with ${signal ?? `code ${code}`}:\n${said.trim()}`))
    })
  })
}
