import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execute } from './execute.ts'
import type { Recipe } from './recipe.ts'

let installing: Promise<void> = Promise.resolve()

/** Installs what a server needs and the machine lacks: Debian packages, without starting what they hold, and what the recipe fetches. */
export function install(recipe: Recipe, say: (text: string) => void): Promise<void> {
  // one at a time: so is apt-get
  const mine = installing.then(() => complete(recipe, say))
  installing = mine.catch(() => undefined)
  return mine
}

async function complete(recipe: Recipe, say: (text: string) => void): Promise<void> {
  const packages = recipe.needs.filter(({ command }) => !isCommand(command)).flatMap((need) => need.packages)
  if (packages.length > 0) {
    if (!isCommand('apt-get'))
      throw new Error(`${recipe.name} needs ${packages.join(' and ')}, and there is no apt-get here: install it, or use compose.yaml`)
    say(`${recipe.name}: installing ${packages.join(', ')}`)
    // run level 1: what is installed is not started
    const env = { ...process.env, RUNLEVEL: '1', DEBIAN_FRONTEND: 'noninteractive' }
    const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-E']
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
      const [file, ...rest] = [...sudo, 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=120', ...args]
      await execute(file as string, rest, { env, seconds: 300 })
    }
  }
  await recipe.fetch?.((text) => say(`${recipe.name}: ${text}`))
}

function isCommand(name: string): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
