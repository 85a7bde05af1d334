/** By hand: a question and its answer as lines of JSON over a Unix socket, validated on both sides. No deadline, nobody else to ask. */
import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { tell, told } from './children.ts'
import { order, validate, validatePlaced } from './work.ts'

interface Task {
  readonly role: 'serve' | 'ask'
  readonly count: number
  readonly socket: string
}

/** Code that is run for the first time is slow, and that is not what is measured. */
const warmUp = 1000

function lines(socket: Socket, take: (line: string) => void): void {
  createInterface({ input: socket }).on('line', take)
}

async function serve(path: string): Promise<void> {
  const server = createServer((socket) =>
    lines(socket, (line) => {
      const answer = { orderId: validate(JSON.parse(line)).orderId }
      validatePlaced(answer)
      socket.write(`${JSON.stringify(answer)}\n`)
    }),
  ).listen(path)
  await once(server, 'listening')
}

async function ask(path: string, count: number): Promise<number[]> {
  const socket = createConnection(path)
  let answered: () => void = () => {}
  lines(socket, (line) => {
    validatePlaced(JSON.parse(line))
    answered()
  })
  const one = (i: number): Promise<void> => {
    const question = order(i)
    validate(question)
    socket.write(`${JSON.stringify(question)}\n`)
    return new Promise((resolve) => {
      answered = resolve
    })
  }
  for (let i = 0; i < warmUp; i++) await one(i)
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const from = performance.now()
    await one(i)
    times.push(performance.now() - from)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return times
}

const task = await told<Task>('task')
const ended = told('end')
if (task.role === 'serve') await serve(task.socket)
tell('ready')
if (task.role === 'ask') {
  await told('go')
  tell('done', await ask(task.socket, task.count))
}
await ended
process.exit(0)
