import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { execute } from './execute.ts'
import { end, launch } from './launch.ts'
import { freePorts, host } from './ports.ts'
import type { Recipe, Run } from './recipe.ts'

const version = '4.4.0'
/** Its jars come from Maven Central once, into a folder outside of the repository. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pabal', `kafka-${version}`)
const jars = join(cache, 'lib')
/** Its classes as the JVM lays them out: a third less of the processor's time for each start. */
const classes = join(cache, 'classes.jsa')

export const kafka: Recipe = {
  name: 'kafka',
  port: Number(process.env.PABAL_KAFKA_PORT ?? 19_092),
  // the second for its controller
  ports: 2,
  url: (port) => `kafka://${host}:${port}`,
  needs: [
    { command: 'java', packages: ['default-jre-headless'] },
    { command: 'mvn', packages: ['maven'] },
  ],
  fetch: async (say) => {
    if (!existsSync(join(cache, 'complete'))) await fetchJars(say)
    if (!existsSync(classes)) await keepClasses(say)
  },
  prepare: async ({ folder, ports: [port, controller], config }) => {
    const file = join(folder, 'server.properties')
    writeFileSync(file, [...properties(folder, Number(port), Number(controller)), ...config, ''].join('\n'))
    const id = randomBytes(16).toString('base64url')
    // One word: an id may begin with a dash.
    const args = [...small, ...kept(), '-cp', join(jars, '*'), 'kafka.tools.StorageTool', 'format', `--cluster-id=${id}`, '-c', file]
    await execute('java', args, { cwd: folder, seconds: 60 })
  },
  run: ({ folder, hasty }) => broker(folder, [...(hasty ? small : ['-Xmx512m']), ...kept()]),
  patience: 120,
}

/** Half of the time that a start takes goes into compiling what runs once. */
const small = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const quiet = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error']

const kept = (): string[] => (existsSync(classes) ? [`-XX:SharedArchiveFile=${classes}`] : [])
const broker = (folder: string, options: readonly string[]): Run => ({
  file: 'java',
  args: [...options, ...quiet, '-cp', join(jars, '*'), 'kafka.Kafka', join(folder, 'server.properties')],
})

async function fetchJars(say: (text: string) => void): Promise<void> {
  if (!existsSync(jars) || readdirSync(jars).filter((name) => name.endsWith('.jar')).length < 40) {
    say(`fetching Kafka ${version} through Maven (43 MB, once)`)
    mkdirSync(cache, { recursive: true })
    writeFileSync(join(cache, 'pom.xml'), pom)
    await execute('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], { cwd: cache, seconds: 300 })
  }
  writeFileSync(join(cache, 'complete'), '')
}

/** The JVM writes down what a broker loaded when it ends in peace. Two who do so at once write the same. */
async function keepClasses(say: (text: string) => void): Promise<void> {
  say('starting Kafka once, so that later starts are quicker')
  const folder = mkdtempSync(join(cache, 'first-'))
  const mine = join(folder, 'classes.jsa')
  try {
    const place = { folder, ports: await freePorts(kafka.ports), config: [], hasty: true }
    await kafka.prepare?.(place)
    const first = { ...kafka, run: () => broker(folder, [...small, `-XX:ArchiveClassesAtExit=${mine}`]) }
    const { pid, ended } = await launch(first, place)
    end(pid, 'SIGTERM')
    await ended
    // It starts without them, too.
    if (existsSync(mine)) renameSync(mine, classes)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const properties = (folder: string, port: number, controller: number) => [
  'process.roles=broker,controller',
  'node.id=1',
  `controller.quorum.voters=1@${host}:${controller}`,
  `listeners=PLAINTEXT://${host}:${port},CONTROLLER://${host}:${controller}`,
  `advertised.listeners=PLAINTEXT://${host}:${port}`,
  'controller.listener.names=CONTROLLER',
  `log.dirs=${join(folder, 'log')}`,
  'offsets.topic.replication.factor=1',
  'offsets.topic.num.partitions=4',
  'transaction.state.log.replication.factor=1',
  'transaction.state.log.min.isr=1',
  'transaction.state.log.num.partitions=4',
  'share.coordinator.state.topic.replication.factor=1',
  'share.coordinator.state.topic.min.isr=1',
  'share.coordinator.state.topic.num.partitions=4',
  'group.initial.rebalance.delay.ms=0',
  // a broker that was killed may register again only when its session is over
  'broker.session.timeout.ms=1000',
  'broker.heartbeat.interval.ms=200',
]

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>pabal</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`
