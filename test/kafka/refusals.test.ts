import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { startKafka } from '../../scripts/services/throwaway.ts'
import { connect } from '../../src/index.ts'
import { lookAt } from '../../src/transport/kafka/link/server.ts'
import { settingsOf } from '../../src/transport/kafka/options.ts'
import { ByteWriter } from '../../src/transport/kafka/protocol/bytes.ts'
import { kafkaThere } from './broker.ts'
import { fakeCluster, keys, metadataOf } from './fake-driver.ts'

const folder = mkdtempSync(join(tmpdir(), 'pabal-tls-'))
const ends: (() => Promise<unknown>)[] = [async () => rmSync(folder, { recursive: true })]
afterAll(async () => {
  for (const end of ends) await end()
}, 60_000)

/** What connecting says; empty where it succeeds. */
async function said(url: string): Promise<{ code?: string; message: string; hint?: string }> {
  return connect(url).then(
    async (app) => {
      await app.close()
      return { code: 'connected', message: '' }
    },
    (error: Error) => error,
  )
}

test('a broker answers before it is in service: it can be asked again', async () => {
  const cluster = fakeCluster((key) => {
    if (key === keys.metadata) return metadataOf({}, [])
    if (key !== keys.apiVersions) throw new Error(`nobody answers ${key}`)
    const to = new ByteWriter().i16(0)
    return to.array(
      Array.from({ length: 40 }, (_, api) => api),
      (api) => to.i16(api).i16(0).i16(20),
    )
  })
  const looking = lookAt(cluster, settingsOf({ brokers: ['127.0.0.1:9'] }))
  await expect(looking).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE', retryable: true })
})

test('nobody listens there', async () => {
  const error = await said('kafka://127.0.0.1:1')
  expect(error).toMatchObject({ code: 'BROKER_UNREACHABLE' })
  expect(error.message).toContain('127.0.0.1:1')
})

test('somebody listens who does not speak it', { timeout: 60_000 }, async () => {
  const server = createServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  ends.push(async () => void server.close())
  const error = await said(`kafka://127.0.0.1:${(server.address() as { port: number }).port}`)
  expect(error.code).toBe('BROKER_UNREACHABLE')
})

const starts = describe.skipIf(!(await kafkaThere()))

starts('a broker with credentials', () => {
  const secret = 'S3cret!'
  const jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="admin" user_admin="admin"'
  test('wrong ones and none are refused, and never said; right ones work', { timeout: 120_000 }, async () => {
    const server = await startKafka({
      config: [
        'listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name=PLAINTEXT',
        'sasl.mechanism.inter.broker.protocol=PLAIN',
        'sasl.enabled.mechanisms=PLAIN',
        `listener.name.plaintext.plain.sasl.jaas.config=${jaas} user_pabal="${secret}";`,
      ],
    })
    ends.push(() => server.stop())
    const at = `127.0.0.1:${server.port}`
    for (const url of [`kafka://pabal:wrong${secret}@${at}`, `kafka://pabal:${secret}@${at}?sasl=scram-sha-256`]) {
      const error = await said(url)
      expect(error.code).toBe('ACCESS_REFUSED')
      expect(`${error.message} ${error.hint}`).not.toContain(secret)
    }
    expect((await said(`kafka://${at}`)).code).toMatch(/ACCESS_REFUSED|BROKER_UNREACHABLE/)
    expect(await said(`kafka://pabal:${encodeURIComponent(secret)}@${at}`)).toMatchObject({ code: 'connected' })
  })
})

starts('a broker with TLS', () => {
  test('an authority that is not known is refused; the right one works; so does plain text not', { timeout: 120_000 }, async () => {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name)) as [string, string]
    const subject = ['-subj', '/CN=pabal test', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    })
    const inline = (file: string) => readFileSync(file, 'utf8').trim().replaceAll('\n', '\\n')
    const server = await startKafka({
      config: [
        'listener.security.protocol.map=PLAINTEXT:SSL,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name=PLAINTEXT',
        'ssl.keystore.type=PEM',
        'ssl.truststore.type=PEM',
        `ssl.keystore.certificate.chain=${inline(cert)}`,
        `ssl.keystore.key=${inline(key)}`,
        `ssl.truststore.certificates=${inline(cert)}`,
        'ssl.endpoint.identification.algorithm=',
      ],
    })
    ends.push(() => server.stop())
    const at = `127.0.0.1:${server.port}`
    expect(await said(`kafkas://${at}`)).toMatchObject({ code: 'TLS_REFUSED' })
    expect((await said(`kafka://${at}`)).code).toMatch(/TLS_REFUSED|BROKER_UNREACHABLE/)
    expect(await said(`kafkas://${at}?ca=${encodeURIComponent(cert)}`)).toMatchObject({ code: 'connected' })
  })
})
