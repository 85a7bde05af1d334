import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { build } from 'vite'

const require = createRequire(import.meta.url)

/**
 * Makes one file of `cli/` in a compiled folder, with the packages that it uses; the rest of the library stays outside of it, so that it is
 * shared and its transports are loaded when they are asked for. The licenses of the packages go beside it.
 */
export async function bundleCommand(dist: string): Promise<void> {
  const folder = join(dist, 'cli')
  const made = `${folder}-made`
  const modules = new Set<string>()
  await build({
    configFile: false,
    logLevel: 'warn',
    root: dist,
    publicDir: false,
    ssr: { noExternal: true },
    plugins: [
      {
        name: 'library-outside',
        enforce: 'pre',
        resolveId(source, importer) {
          if (importer === undefined || !source.startsWith('.')) return undefined
          const path = join(dirname(importer), source)
          // Everything of the library but `cli/` itself; the file that is made lies in `cli/` too.
          if (!path.startsWith(dist + sep) || path.startsWith(folder + sep)) return undefined
          return { id: `../${path.slice(dist.length + 1).replaceAll(sep, '/')}`, external: true }
        },
      },
      {
        name: 'which-packages',
        moduleParsed({ id }) {
          modules.add(id)
        },
      },
    ],
    build: {
      ssr: join(folder, 'main.js'),
      outDir: made,
      target: 'node22',
      minify: false,
      emptyOutDir: true,
      rolldownOptions: { output: { entryFileNames: 'main.js', codeSplitting: false } },
    },
  })
  rmSync(folder, { recursive: true })
  renameSync(made, folder)
  writeFileSync(join(folder, 'THIRD-PARTY.txt'), licenses(modules))
}

/** The license texts of the packages whose files these are, and of what they bundle themselves. */
function licenses(modules: Iterable<string>): string {
  const names = new Set<string>()
  for (const id of modules) {
    const name = /[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/](?!.*[\\/]node_modules[\\/])/.exec(id)?.[1]
    if (name !== undefined) names.add(name.replaceAll('\\', '/'))
  }
  const texts = [...names].sort().map((name) => {
    const folder = folderOf(name)
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
    const own = readFileSync(join(folder, 'LICENSE'), 'utf8').trim()
    return [`## ${name} ${version}`, own, ...bundledBy(folder)].join('\n\n')
  })
  return `The command line of this package contains the following packages.\n\n${texts.join('\n\n')}\n`
}

function bundledBy(folder: string): string[] {
  try {
    return [readFileSync(join(folder, 'dist/THIRD-PARTY-LICENSES.md'), 'utf8').trim()]
  } catch {
    return []
  }
}

function folderOf(name: string): string {
  for (const path of require.resolve.paths(name) ?? []) {
    try {
      readFileSync(join(path, name, 'package.json'))
      return join(path, name)
    } catch {}
  }
  throw new Error(`the package ${name} is bundled and cannot be found`)
}
