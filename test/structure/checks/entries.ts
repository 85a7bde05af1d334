/** The entries of the package, as seen from each place that names them. All must agree. */
export interface Entries {
  /** `exports` of package.json. */
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  /** Every file of `src/`. */
  readonly sources: readonly string[]
  /** Every file of `dist/`. */
  readonly built: readonly string[]
  /** docs/reference/entries.md */
  readonly page: string
  /** `paths` of tsconfig.json. */
  readonly paths: Readonly<Record<string, readonly string[]>>
}

/** The index of the package, of a feature, of a transport. */
const entrySource = /^(?:index|(?:testing|outbox|saga|asyncapi|telemetry)\/index|transport\/(\w+)\/index)\.ts$/

export function entryFaults({ exports, sources, built, page, paths }: Entries): string[] {
  const faults: string[] = []
  const expect = (ok: boolean, fault: string): unknown => ok || faults.push(fault)
  const documented = new Set([...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name as string))
  const wanted = new Map<string, string>()
  for (const path of sources) {
    const found = entrySource.exec(path)
    if (found) wanted.set(found[1] !== undefined ? `./${found[1]}` : path === 'index.ts' ? '.' : `./${path.replace('/index.ts', '')}`, path)
  }
  for (const [key, path] of wanted) {
    const name = key.replace(/^\./, 'pabal')
    const stem = `./dist/${path.replace(/\.ts$/, '')}`
    const entry = exports[key]
    expect(typeof entry === 'object' && entry.types === `${stem}.d.ts` && entry.default === `${stem}.js`, `exports: ${key} is not ${stem}`)
    expect(paths[name]?.[0] === `./src/${path}`, `tsconfig.json: ${name} is not ./src/${path}`)
  }
  for (const [key, entry] of Object.entries(exports)) {
    const name = key.replace(/^\./, 'pabal')
    expect(wanted.has(key) || key === './package.json', `exports: ${key} has no source`)
    expect(documented.has(name), `docs: ${name} is not documented`)
    for (const file of typeof entry === 'string' ? [] : [entry.types, entry.default])
      expect(built.includes(file.replace('./dist/', '')), `dist: ${file} was not built`)
  }
  for (const name of documented) expect(name.replace('pabal', '.') in exports, `docs: ${name} is no entry`)
  for (const name of Object.keys(paths)) expect(name.replace('pabal', '.') in exports, `tsconfig.json: ${name} is no entry`)
  return faults
}
