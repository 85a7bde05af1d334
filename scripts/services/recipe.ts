/** How a server is installed and run, each on loopback, with everything that it keeps in one folder. */
export interface Recipe {
  readonly name: ServerName
  /** Its usual port in this project. */
  readonly port: number
  /** How many ports it takes; the first is the one that clients use. */
  readonly ports: number
  /** Where clients reach it. */
  url(port: number): string
  /** What must be on the machine: a command, and the Debian packages that bring it. */
  readonly needs: readonly { readonly command: string; readonly packages: readonly string[] }[]
  /** Fetches what no package brings. Once; later calls find it. */
  fetch?(say: (text: string) => void): Promise<void>
  /** Fills the empty folder of a new server. */
  prepare?(place: ServerPlace): Promise<void>
  run(place: ServerPlace): Run
  /** How long it may take to listen, in seconds. */
  readonly patience: number
}

export interface ServerPlace {
  readonly folder: string
  readonly ports: readonly number[]
  /** Lines added to the server's own configuration file. */
  readonly config: readonly string[]
  /** For tests: starts sooner, runs slower. */
  readonly hasty: boolean
}

export interface Run {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export const serverNames = ['rabbitmq', 'kafka', 'nats'] as const
export type ServerName = (typeof serverNames)[number]
