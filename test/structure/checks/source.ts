import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseSync } from 'vite'

export const root = resolve(import.meta.dirname, '../../..')

/** What a checker wants to know of one file. */
export interface Source {
  /** Relative to `src/`, with forward slashes. */
  readonly path: string
  readonly lines: number
  readonly imports: readonly Import[]
  /** Every name that is used and not declared as a member: `setTimeout`, `Date.now`, `new Date`. */
  readonly uses: readonly string[]
  /** The text of every string and template in the file. */
  readonly strings: readonly string[]
}

export interface Import {
  readonly specifier: string
  /** `import()` at run time. */
  readonly lazy: boolean
}

type Node = { readonly type: string; readonly [field: string]: unknown }

export function readSource(path: string, text: string): Source {
  const parsed = parseSync(path, text)
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`)
  const imports: Import[] = []
  const uses: string[] = []
  const strings: string[] = []
  const textOf = (node: unknown): string => String((node as { value?: unknown } | null)?.value ?? '')
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit)
    if (value === null || typeof value !== 'object' || typeof (value as Node).type !== 'string') return
    const node = value as Node
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'ExportNamedDeclaration':
        if (node.source) imports.push({ specifier: textOf(node.source), lazy: false })
        break
      case 'TSImportType':
        imports.push({ specifier: textOf(node.source ?? node.argument), lazy: false })
        break
      case 'ImportExpression':
        imports.push({ specifier: textOf(node.source), lazy: true })
        break
      case 'MemberExpression':
        uses.push(`${nameOf(node.object)}.${nameOf(node.property)}`)
        // A property that is not computed is no use of a global of the same name.
        if (!node.computed) return visit(node.object)
        break
      case 'NewExpression':
        uses.push(`new ${nameOf(node.callee)}${(node.arguments as unknown[]).length === 0 ? '()' : ''}`)
        break
      case 'Property':
        if (!node.computed && !node.shorthand) return visit(node.value)
        break
      case 'Identifier':
        uses.push(String(node.name))
        break
      case 'Literal':
        if (typeof node.value === 'string') strings.push(node.value)
        break
      case 'TemplateElement':
        strings.push(String((node.value as { raw: string }).raw))
        break
    }
    for (const field of Object.values(node)) visit(field)
  }
  visit(parsed.program)
  return { path, lines: text.trimEnd().split('\n').length, imports, uses, strings }
}

const nameOf = (node: unknown): string => {
  const { name, value } = (node ?? {}) as { name?: unknown; value?: unknown }
  return String(name ?? value ?? '?')
}

export const sources = (): Source[] =>
  globSync('**/*.ts', { cwd: join(root, 'src') })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => readSource(path, readFileSync(join(root, 'src', path), 'utf8')))
