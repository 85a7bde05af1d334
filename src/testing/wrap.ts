import type { Transport } from '../transport/seam.ts'

/** Replaces parts of a transport. */
export function wrap(inner: Transport, parts: Partial<Transport>): Transport {
  const whole: Transport = {
    name: inner.name,
    open: (listener, mode) => inner.open(listener, mode),
    provision: (channels, mode) => inner.provision(channels, mode),
    send: (batch) => inner.send(batch),
    inbox: (owner, receive) => inner.inbox(owner, receive),
    subscribe: (channel, options, receive) => inner.subscribe(channel, options, receive),
    ...(inner.receivers === undefined ? {} : { receivers: (channel) => inner.receivers?.(channel) ?? Promise.resolve([]) }),
    ...(inner.admin === undefined ? {} : { admin: inner.admin }),
    close: () => inner.close(),
  }
  return { ...whole, ...parts }
}
