import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startKafka, startNats, startRabbit, type Throwaway } from '../../scripts/services/index.ts'
import { nats } from '../../scripts/services/nats.ts'
import { listens } from '../../scripts/services/ports.ts'
import { beginOf } from '../../scripts/services/process.ts'
import { down, status, up } from '../../scripts/services/usual.ts'

async function live(start: () => Promise<Throwaway>): Promise<void> {
  const server = await start()
  onTestFinished(() => server.stop())
  const { port, pid } = server
  expect(await listens(port)).toBe(true)
  expect(server.url).toContain(`127.0.0.1:${port}`)
  await server.kill()
  expect(beginOf(pid as number)).toBeUndefined()
  expect(await listens(port)).toBe(false)
  await server.restart()
  expect(server.pid).not.toBe(pid)
  expect(await listens(port)).toBe(true)
  await server.stop()
  expect(await listens(port)).toBe(false)
  expect(existsSync(server.folder)).toBe(false)
}

test.each([
  ['RabbitMQ', startRabbit],
  ['Kafka', startKafka],
  ['NATS', startNats],
])('a throwaway %s is started, killed, started again, and leaves nothing', (_, start) => live(start))

test('where its owner is killed, it ends too', async () => {
  const module = new URL('../../scripts/services/index.ts', import.meta.url).href
  const code = `const { startNats } = await import('${module}'); const s = await startNats(); console.log(s.pid); process.kill(process.pid, 'SIGKILL')`
  const owner = promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
  const killed = (await owner.catch((error: unknown) => error)) as { stdout: string; signal: string }
  expect(killed.signal).toBe('SIGKILL')
  const pid = Number(killed.stdout)
  expect(pid).toBeGreaterThan(1)
  await expect.poll(() => beginOf(pid), { timeout: 5000 }).toBeUndefined()
})

test('up starts what does not listen and uses what does; down ends only what up started', async () => {
  const other = await startNats()
  onTestFinished(() => other.stop())
  const there = { ...nats, port: other.port }
  await up(there, () => {})
  expect(await status(there)).toMatchObject({ running: true, by: 'other' })
  expect(await down(there)).toBe(false)
  expect(await listens(other.port)).toBe(true)

  await other.stop()
  expect(await status(there)).toMatchObject({ running: false })
  await up(there, () => {})
  onTestFinished(() => void down(there))
  const ours = await status(there)
  expect(ours).toMatchObject({ running: true, by: 'services' })
  expect(await down(there)).toBe(true)
  await pause(50)
  expect(await status(there)).toMatchObject({ running: false })
  expect(existsSync(`/proc/${ours.pid}`)).toBe(false)
})
