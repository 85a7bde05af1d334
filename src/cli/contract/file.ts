import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ServiceData } from '../../contract/data.ts'
import { isPabalError } from '../../errors.ts'
import { isContract } from '../../service/plan.ts'
import { Usage } from '../frame/exit.ts'
import type { Shell } from '../frame/shell.ts'

/** Every contract that these modules export, once each. Throws `Usage` where one cannot be loaded or exports none. */
export async function loadContracts(files: readonly string[], shell: Shell): Promise<readonly ServiceData[]> {
  const found = new Map<string, ServiceData>()
  for (const file of files)
    for (const contract of await loadFile(file, shell)) if (!found.has(contract.name)) found.set(contract.name, contract)
  return [...found.values()]
}

async function loadFile(file: string, shell: Shell): Promise<readonly ServiceData[]> {
  const path = resolve(shell.cwd, file)
  if (!existsSync(path)) throw new Usage(`There is no file ${file}. Give the module that exports the contract.`)
  const typescript = /\.[cm]?tsx?$/.test(path)
  if (typescript && !process.features.typescript)
    throw new Usage(
      `${file} is TypeScript, which Node ${process.versions.node} does not run: use Node 22.18 or newer, or give the compiled .js file.`,
    )
  let module: Record<string, unknown>
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    throw new Usage(`${file} cannot be loaded: ${whyNot(error, file)}`)
  }
  // CommonJS gives its exports as `default` too.
  const exported = [
    ...Object.values(module),
    ...(typeof module.default === 'object' && module.default !== null ? Object.values(module.default) : []),
  ]
  const contracts = exported.filter(isContract)
  if (contracts.length === 0)
    throw new Usage(
      `${file} exports no contract: it exports ${Object.keys(module).join(', ') || 'nothing'}. Export what defineService returned: export const Kitchen = defineService('kitchen', { … }).`,
    )
  return contracts
}

function whyNot(error: unknown, file: string): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (isPabalError(error)) return `${error.code}: ${error.message}`
  const [first = ''] = message.trim().split('\n')
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
    return first.includes("'/") || first.includes('file:')
      ? `${first}. Where Node runs TypeScript, files are imported with their endings: './menu.ts'.`
      : `${first}. Install it where ${file} is.`
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || code === 'ERR_INVALID_TYPESCRIPT_SYNTAX')
    return `${first}. Node only takes types away: it runs no enums, namespaces or parameter properties. Or give the compiled .js file.`
  return (error as Error).message ?? String(error)
}
