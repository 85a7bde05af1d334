/**
 * Makes a class whose members are built when they are read, from a table made once per service: `publish.Ticket.Accepted` costs
 * a handler that does not publish nothing, and one that does only what it names.
 */
export declare function portal<Given>(members: Readonly<Record<string, (given: Given) => unknown>>): new (given: Given) => object;
