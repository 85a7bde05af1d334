import type { MessageData, ServiceData } from '../../contract/data.ts'
import { labelOf, MessageCodec } from '../../interaction/codec.ts'
import type { Message } from '../../message/message.ts'
import { Usage } from '../frame/exit.ts'
import { didYouMean } from '../frame/suggest.ts'

export interface Declared {
  readonly contract: ServiceData
  readonly data: MessageData
  /** As it is written on the command line: `kitchen.createTicket`, `Ticket.TicketAccepted`. */
  readonly label: string
}

/** Everything that the contracts declare. */
export function declaredBy(contracts: readonly ServiceData[]): readonly Declared[] {
  return contracts.flatMap((contract) =>
    [contract.commands, contract.documents, contract.queries, ...Object.values(contract.events)]
      .flatMap((section) => Object.values(section))
      .map((data) => ({ contract, data, label: labelOf(data) })),
  )
}

/** The one that is meant. Its service may be left out where no other declares the name. Throws `Usage`, naming what there is. */
export function findMessage(contracts: readonly ServiceData[], name: string): Declared {
  const all = declaredBy(contracts)
  const exact = all.find(({ label, data }) => label === name || `${data.service}.${data.type}` === name)
  if (exact !== undefined) return exact
  const [first, second] = all.filter(({ data }) => data.type === name || data.type.endsWith(`.${name}`))
  if (first !== undefined && second === undefined) return first
  const labels = all.map(({ label }) => label)
  if (first !== undefined) throw new Usage(`"${name}" may be ${first.label} or ${second?.label}: write which.`)
  throw new Usage(
    `${contracts.map((contract) => contract.name).join(' and ')} declare${contracts.length > 1 ? '' : 's'} no "${name}".${didYouMean(name, labels)} There are ${labels.join(', ') || 'none'}.`,
  )
}

/** Says of messages whether they fit what the contracts declare. */
export class Fitting {
  readonly #codecs = new Map<string, MessageCodec>()

  constructor(contracts: readonly ServiceData[]) {
    for (const { data } of declaredBy(contracts)) this.#codecs.set(`${data.kind}\n${data.type}`, new MessageCodec(data))
  }

  /** What is wrong with the message; undefined where nothing is, or nothing is declared of its type. */
  async fault(message: Message): Promise<string | undefined> {
    const codec = this.#codecs.get(`${message.kind}\n${message.type}`)
    if (codec === undefined) return undefined
    try {
      await codec.decode(message)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  knows(message: Message): boolean {
    return this.#codecs.has(`${message.kind}\n${message.type}`)
  }
}
