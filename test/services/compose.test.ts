import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { kafka } from '../../scripts/services/kafka.ts'
import { nats } from '../../scripts/services/nats.ts'
import { rabbitmq } from '../../scripts/services/rabbitmq.ts'

const text = readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8')
const recipes = [rabbitmq, kafka, nats]

/** The part of the file that describes one service. There is no YAML parser here; the file keeps to two spaces. */
function service(name: string): string {
  const [, part] = text.split(`\n  ${name}:\n`)
  return part?.split(/\n {2}\w+:\n/)[0] ?? ''
}

test('compose.yaml has the servers of the recipes and no other', () => {
  const names = [...text.matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name)
  expect(names).toEqual(recipes.map(({ name }) => name))
})

test.each(recipes.map((recipe) => [recipe.name, recipe] as const))(
  '%s: pinned, on its usual port of loopback, with a health check',
  (name, recipe) => {
    const part = service(name)
    expect(part).toMatch(/^ {4}image: [\w/]+:\d+\.\d+\.\d+/m)
    expect(part).toContain(`    ports: ['127.0.0.1:${recipe.port}:${recipe.port}']\n`)
    expect(part).toMatch(/^ {4}healthcheck:\n {6}test: \[CMD, /m)
  },
)
