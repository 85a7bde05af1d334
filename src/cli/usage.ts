/** A command was called wrongly: what was wrong, and how it is called. */
export class Usage extends Error {
  readonly help: string

  constructor(message: string, help: string) {
    super(message)
    this.help = help
  }
}
