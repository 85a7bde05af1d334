/** By hand: a question and its answer as lines of JSON over a Unix socket, validated on both sides. No deadline, nobody else to ask. */
import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { atGo, tell, told } from './children.ts'
import { order, validate, validatePlaced } from './work.ts'

interface Task {
  readonly role: 'answer' | 'ask'
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

async function ask(path: string): Promise<void> {
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
  let asked = 0
  while (asked < warmUp) await one(asked++)
  atGo(async (count) => {
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const from = performance.now()
      await one(asked++)
      times.push(performance.now() - from)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return times
  })
}

const task = await told<Task>('task')
const ended = told('end')
if (task.role === 'answer') await serve(task.socket)
else await ask(task.socket)
tell('ready')
await ended
process.exit(0)
