import { Child } from '../core/children.ts'
import type { Task } from './child.ts'
import type { Run, Side } from './side.ts'

const file = new URL('./child.ts', import.meta.url)
let runs = 0

/** Longest time that a process may take for what it was told. */
const patience = 180_000

/** Processes of one side under a name of their own. All end with it, and what they made on the broker goes. */
export class Stage {
  readonly #task: Pick<Task, 'url' | 'side' | 'name'>
  readonly #children = new Set<Child>()
  readonly #patience: number
  #failed = false

  private constructor(url: string, side: string, factor: number) {
    this.#task = { url, side, name: `pabal-bench-${process.pid}-${runs++}` }
    this.#patience = patience * factor
  }

  /** `factor`: how much longer than usual it may take. */
  static async open(url: string, side: string, factor = 1): Promise<Stage> {
    const stage = new Stage(url, side, factor)
    await stage.here((own) => own.prepare())
    return stage
  }

  async end(): Promise<void> {
    try {
      if (!this.#failed) for (const child of this.#children) await child.end()
    } finally {
      for (const child of this.#children) child.kill()
      await this.here((own) => own.remove())
    }
  }

  start(role: Task['role'], rest: Partial<Task> = {}): Child {
    const child = new Child(file, { ...this.#task, role, count: 0, warm: 0, ...rest })
    this.#children.add(child)
    return child
  }

  /** In this process: what is not measured. */
  async here(work: (side: Side) => Promise<void>): Promise<void> {
    const { open } = (await import(`./sides/${this.#task.side}.ts`)) as { open(run: Run): Promise<Side> }
    const side = await open(this.#task)
    try {
      await work(side)
    } finally {
      await side.close()
    }
  }

  async told<T>(child: Child, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const { side, name } = this.#task
      timer = setTimeout(() => reject(new Error(`${side} (${name}): no "${what}" within ${this.#patience / 1000} s`)), this.#patience)
    })
    try {
      return await Promise.race([child.told<T>(what), late])
    } catch (error) {
      this.#failed = true
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** One more round of a process: what it says when it is done. */
  round<T>(child: Child): Promise<T> {
    child.tell('go')
    return this.told<T>(child, 'done')
  }
}
