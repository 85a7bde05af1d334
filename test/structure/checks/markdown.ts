import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './source.ts'

export interface Page {
  /** Relative to the root of the repository. */
  readonly path: string
  readonly text: string
}

/** Everything that is written for people. */
export const pages = (): Page[] =>
  globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root })
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

/** What the anchor of a heading is on GitHub. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const withoutCode = (text: string): string => text.replace(/^(```+)[^\n]*\n[\s\S]*?^\1\s*$/gm, '').replace(/`[^`\n]*`/g, 'code')

const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.replace(/^(```+)[^\n]*\n[\s\S]*?^\1\s*$/gm, '').matchAll(/^#+ +(.+)$/gm)].map(([, heading]) => anchor(heading as string)),
  )

/** Relative links of a page that lead nowhere: a file that does not exist, a heading that is not there. */
export function deadLinks({ path, text }: Page): string[] {
  const links = [...withoutCode(text).matchAll(/\]\(([^()\s]+)\)/g)].map(([, link]) => link as string)
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = '', heading] = link.split('#')
      const target = join(root, dirname(path), file)
      if (file !== '' && !existsSync(target)) return true
      return heading !== undefined && !anchorsOf(file === '' ? text : readFileSync(target, 'utf8')).has(heading)
    })
    .map((link) => `${path}: ${link}`)
}

export interface Example {
  readonly page: string
  readonly line: number
  /** What follows `// example:`. */
  readonly name: string
  /** Where it is tried. Examples of one page whose names have the same folder are there together. */
  readonly folder: string
  readonly file: string
  readonly code: string
  /** False where marked `no-run`: only checked by the compiler. */
  readonly runs: boolean
}

/** The ```ts blocks that begin with `// example: name`. Throws where a page uses a name twice or a `no-run` gives no reason. */
export function examplesOf(given: readonly Page[]): Example[] {
  const found: Example[] = []
  for (const { path, text } of given) {
    for (const block of text.matchAll(/^```ts(?<mark>[^\n]*)\n\/\/ example: (?<name>[\w./-]+)\n(?<code>[\s\S]*?)^```$/gm)) {
      const { mark = '', name = '', code = '' } = block.groups ?? {}
      const before = text.slice(0, block.index)
      const line = before.split('\n').length
      const runs = !mark.split(' ').includes('no-run')
      if (!runs && !/<!-- .*\S.* -->\s*$/.test(before)) throw new Error(`${path}:${line}: no-run without a reason in a comment before it`)
      if (found.some((other) => other.page === path && other.name === name))
        throw new Error(`${path}:${line}: there is another example ${name}`)
      const parts = name.split('/')
      const file = `${parts.pop()}.ts`
      const folder = [path.replace(/\.md$/, '').replace(/\W+/g, '-'), ...(parts.length > 0 ? parts : [name])].join('.')
      found.push({ page: path, line, name, folder, file, code, runs })
    }
  }
  return found
}
