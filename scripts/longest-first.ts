import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The test files that take longest, longest first. Begun late, one of them would run alone at the end while the other workers are done;
 * Vitest knows how long a file takes only where it ran before, and goes by its size elsewhere.
 */
const long: readonly string[] = [
  'kafka/conformance',
  'examples/ftgo-brokers',
  'amqp/conformance',
  'examples/ftgo-rolling',
  'conformance/sqlite',
  'amqp/outage',
  'rough/nats',
  'conformance/mutations',
  'examples/ftgo-versions',
  'examples/ftgo',
  'kafka/outage',
  'services/throwaway',
  'amqp/refused',
  'process/kill-brokers',
  'process/kill',
  'process/shared-broker',
]

const rank = ({ moduleId }: TestSpecification): number => {
  const at = long.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`))
  return at < 0 ? long.length : at
}

/** Within a group of projects, as Vitest has them, but the long files first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const group = ({ project }: TestSpecification): number => project.config.sequence.groupOrder
    return (await super.sort(files)).sort((a, b) => group(a) - group(b) || rank(a) - rank(b))
  }
}
