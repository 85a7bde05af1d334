/**
 * Makes a class whose members are built when they are read, from a table made once per service: `publish.Ticket.Accepted` costs
 * a handler that does not publish nothing, and one that does only what it names.
 */
export function portal<Given>(members: Readonly<Record<string, (given: Given) => unknown>>): new (given: Given) => object {
  class Portal {
    readonly #given: Given
    constructor(given: Given) {
      this.#given = given
    }
    static read(portal: Portal): Given {
      return portal.#given
    }
  }
  // Without Object.prototype: a name such as `constructor` finds only what was declared.
  Object.setPrototypeOf(Portal.prototype, null)
  delete (Portal.prototype as { constructor?: unknown }).constructor
  for (const [name, make] of Object.entries(members)) {
    Object.defineProperty(Portal.prototype, name, {
      enumerable: true,
      get(this: Portal) {
        return make(Portal.read(this))
      },
    })
  }
  return Portal
}
