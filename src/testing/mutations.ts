import { systemRuntime } from '../runtime/system.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Delivery, Outgoing, Receive, Settlement, SubscribeOptions, Transport } from '../transport/seam.ts'
import { pause } from './waiting.ts'
import type { World } from './world.ts'
import { wrap } from './wrap.ts'

/**
 * A world whose members all have one fault: the suite must fail on it. This is how a guard of the suite is shown to bite;
 * `caughtBy` names scenarios that must.
 */
export interface Mutation {
  readonly name: string
  readonly caughtBy: readonly string[]
  mutate(world: World): World
}

/** Every member of the world, mortal ones too, with parts replaced. */
export function wrapWorld(world: World, parts: (inner: Transport) => Partial<Transport>): World {
  const { mortal } = world
  return {
    ...world,
    member: async () => {
      const inner = await world.member()
      return wrap(inner, parts(inner))
    },
    ...(mortal === undefined
      ? {}
      : {
          mortal: async () => {
            const whole = await mortal.call(world)
            return {
              transport: wrap(whole.transport, parts(whole.transport)),
              kill: () => whole.kill(),
              freeze: () => whole.freeze(),
              thaw: () => whole.thaw(),
            }
          },
        }),
  }
}

/** Changes how every subscriber receives. */
const receiving = (change: (receive: Receive, inner: Transport, options: SubscribeOptions) => Receive) => (world: World) =>
  wrapWorld(world, (inner) => ({
    subscribe: (channel, options, receive) => inner.subscribe(channel, options, change(receive, inner, options)),
  }))

const sending = (change: (batch: readonly Outgoing[], inner: Transport) => ReturnType<Transport['send']>) => (world: World) =>
  wrapWorld(world, (inner) => ({ send: (batch) => change(batch, inner) }))

export const mutations: readonly Mutation[] = [
  {
    name: 'acknowledges before the handler',
    caughtBy: ['25', '26', '9', 'lifecycle-1', 'ownership-2', 'losses-1'],
    mutate: receiving((receive) => (delivery) => {
      Promise.resolve(receive(delivery)).catch(() => {})
      return { emit: [] }
    }),
  },
  {
    name: 'says sent before it is stored',
    caughtBy: ['11', 'ownership-3'],
    mutate: sending(async (batch, inner) => {
      pause(systemRuntime, 20)
        .then(() => inner.send(batch))
        .catch(() => {})
      return batch.map(() => 'sent')
    }),
  },
  {
    name: 'drops the fence',
    caughtBy: ['31'],
    mutate: receiving((receive, inner) => async (delivery) => {
      const settlement = await receive(delivery)
      if (!('emit' in settlement) || settlement.emit.length === 0) return settlement
      await inner.send(settlement.emit)
      return { emit: [] }
    }),
  },
  {
    name: 'skips the shard gate: any member handles any message',
    caughtBy: ['4', 'order-2', 'ownership-1'],
    mutate: (world) => {
      const members = new Map<string, Receive[]>()
      let turn = 0
      return wrapWorld(world, (inner) => ({
        subscribe: (channel, options, receive) => {
          const name = `${channel.address} ${options.group} ${options.durable}`
          const all = members.get(name) ?? []
          members.set(name, all)
          all.push(receive)
          return inner.subscribe(channel, options, (delivery) => (all[turn++ % all.length] as Receive)(delivery))
        },
      }))
    },
  },
  {
    name: 'forgets one message in fifty',
    caughtBy: ['1', '2', '7'],
    mutate: (world) => {
      let count = 0
      return wrapWorld(world, (inner) => ({
        send: async (batch) => {
          const kept = batch.filter(() => ++count % 50 !== 0)
          const results = [...(await inner.send(kept))]
          return batch.map(() => results.shift() ?? 'sent')
        },
      }))
    },
  },
  {
    name: 'delivers one message in fifty twice',
    caughtBy: ['1', '2', 'groups-1', '20'],
    mutate: (world) => {
      let count = 0
      return receiving((receive) => (delivery) => {
        if (++count % 50 === 0) Promise.resolve(receive(delivery)).catch(() => {})
        return receive(delivery)
      })(world)
    },
  },
  {
    name: 'swaps neighbours',
    caughtBy: ['4', 'settlement-1'],
    mutate: receiving((receive) => {
      let count = 0
      return async (delivery) => {
        // every other delivery is handed out late, behind the one that follows it
        if (++count % 2 === 1) await pause(systemRuntime, 5)
        return receive(delivery)
      }
    }),
  },
  {
    name: 'lets one send overtake another',
    caughtBy: ['order-1'],
    mutate: (world) => {
      let count = 0
      return sending(async (batch, inner) => {
        if (++count % 10 === 0) await pause(systemRuntime, 5)
        return inner.send(batch)
      })(world)
    },
  },
  {
    name: 'ignores the bound on what is out',
    caughtBy: ['limits-1', 'limits-2', '20'],
    mutate: (world) =>
      wrapWorld(world, (inner) => ({
        subscribe: (channel, options, receive) => inner.subscribe(channel, { ...options, maxMessages: 1000, maxBytes: 1e9 }, receive),
      })),
  },
  {
    name: 'leaves its group when it has enough in hand, and joins it again',
    caughtBy: ['20'],
    mutate: (world) =>
      wrapWorld(world, (inner) => ({
        subscribe: async (channel, options, receive) => {
          let out = 0
          let leaving: Promise<void> | undefined
          let over = false
          const join = () =>
            inner.subscribe(channel, options, async (delivery) => {
              if (++out >= options.maxMessages && !over) leaving ??= rejoin().catch(() => {})
              try {
                return await receive(delivery)
              } finally {
                out--
              }
            })
          const rejoin = async () => {
            await subscription.close()
            subscription = await join()
            if (over) subscription.stop()
            leaving = undefined
          }
          let subscription = await join()
          return {
            stop: () => {
              over = true
              subscription.stop()
            },
            close: async () => {
              over = true
              await leaving
              await subscription.close()
            },
          }
        },
      })),
  },
  {
    name: 'gathers what is sent until there is a pause',
    caughtBy: ['delivery-1'],
    mutate: (world) => {
      let last: object = {}
      return sending(async (batch, inner) => {
        const mine = {}
        last = mine
        await pause(systemRuntime, 50)
        while (last !== mine && batch.length === 1) {
          const seen = last
          await pause(systemRuntime, 50)
          if (last === seen) break
        }
        return inner.send(batch)
      })(world)
    },
  },
  {
    name: 'loses the order of headers and their case',
    caughtBy: ['1', '15', 'parking-1'],
    mutate: receiving((receive) => (delivery) => {
      const { message } = delivery
      const headers = Object.fromEntries(
        Object.entries(message.headers)
          .map(([name, value]) => [name.toLowerCase(), value])
          .sort(),
      )
      return receive(altered(delivery, { message: { ...message, headers } }))
    }),
  },
  {
    name: 'forgets what is parked when a shard changes hands',
    caughtBy: ['parking-3', '6b'],
    mutate: (world) =>
      wrapWorld(world, (inner) => ({
        subscribe: (channel, options, receive) =>
          inner.subscribe(channel, { ...options, assigned: (shard) => options.assigned?.(shard, new Map()) }, receive),
      })),
  },
  {
    name: 'gives parked messages back instead of parking them',
    caughtBy: ['parking-1', 'parking-6', '6c'],
    mutate: receiving((receive) => async (delivery) => {
      const settlement: Settlement = await receive(delivery)
      return 'park' in settlement ? { release: { after: 20 } } : settlement
    }),
  },
  {
    name: 'does not count losses',
    caughtBy: ['losses-1', '19c'],
    mutate: receiving((receive) => (delivery) => receive(altered(delivery, { lost: 0 }))),
  },
  {
    name: 'hands delayed messages out at once',
    caughtBy: ['delays-1'],
    mutate: sending((batch, inner) => inner.send(batch.map((outgoing) => ({ ...outgoing, notBefore: undefined })))),
  },
  {
    name: 'says sent where nobody is there',
    caughtBy: ['lanes-2', 'lanes-5'],
    mutate: sending(async (batch, inner) => (await inner.send(batch)).map((result) => (result === 'no-receiver' ? 'sent' : result))),
  },
  {
    name: 'declares less than it does, and does it all the same',
    caughtBy: ['delays-1', 'lanes-4', 'groups-1', 'parking-1', 'lanes-2'],
    mutate: (world) =>
      wrapWorld(world, (inner) => ({
        open: async (listener) => {
          const none = { durableGroups: false, delays: false, detectsNoReceiver: false, knowsReceivers: false, parks: false }
          return { ...(await inner.open(listener)), ...none } as Capabilities
        },
      })),
  },
  {
    name: 'sends emissions twice',
    caughtBy: ['settlement-1', 'delays-1'],
    mutate: receiving((receive, inner) => async (delivery) => {
      const settlement = await receive(delivery)
      if ('emit' in settlement && settlement.emit.length > 0) await inner.send(settlement.emit)
      return settlement
    }),
  },
]

/** The same delivery with parts replaced; a transport may compute its fields only when they are asked for. */
function altered(delivery: Delivery, parts: Partial<Delivery>): Delivery {
  const { message, shard, lost, parked, ahead, fence } = delivery
  return {
    message,
    shard,
    lost,
    parked,
    ahead,
    fence,
    ...parts,
    get signal() {
      return delivery.signal
    },
  }
}
