import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a test run with one line that machines can read, `N passed, N failed`, alone and last. What failed outside a test (a file that does
 * not load, a hook, an unhandled rejection) counts as failed, so that a run with `0 failed` is a run in which nothing went wrong.
 */
export default class ClosingLine implements Reporter {
  #line = '0 passed, 1 failed'

  constructor() {
    // At exit, so that nothing can be printed after it; a run that ends before its tests do keeps the line above.
    process.once('exit', () => process.stdout.write(`\n${this.#line}\n`))
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const { passed, failed } = count(modules)
    this.#line = `${passed} passed, ${failed + unhandled.length} failed`
  }
}

export function count(modules: readonly Pick<TestModule, 'children' | 'errors'>[]): { passed: number; failed: number } {
  let passed = 0
  let failed = 0
  for (const module of modules) {
    failed += module.errors().length
    for (const suite of module.children.allSuites()) failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') passed++
      else if (state !== 'skipped') failed++
    }
  }
  return { passed, failed }
}
