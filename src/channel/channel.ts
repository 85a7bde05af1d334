/**
 * Where messages go. Enterprise Integration Patterns: Point-to-Point Channel, Publish-Subscribe Channel.
 *
 * - `point-to-point`: exactly one consumer group, the owner's. What is sent before anybody subscribed is kept.
 * - `publish-subscribe`: every group gets its own copy of what is published after the group came to be.
 * - `inbox`: one running instance's own reply address; it vanishes with the instance.
 */
export interface Channel {
  readonly address: string
  readonly kind: 'point-to-point' | 'publish-subscribe' | 'inbox'
}
