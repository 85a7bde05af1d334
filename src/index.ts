export { asks, command, defineService, document, event, failure, notification, older, on, query, success } from './contract/index.ts'
export { connect } from './service/connect.ts'
export { type ErrorCode, errorTable, isPabalError, PabalError } from './errors.ts'
export type { Duration } from './runtime/duration.ts'
export { systemRuntime } from './runtime/system.ts'
export type { StandardSchemaV1 } from './contract/schema.ts'
export type {
  Accepted,
  Call,
  Client,
  Clients,
  ContractOf,
  EventContext,
  Gathered,
  Gathering,
  HandlerContext,
  Handlers,
  MessageContext,
  Outcome,
  Publish,
  Reply,
  ReplyContext,
  ReplyingContext,
  ServiceHandle,
  ServiceShape,
  Subscription,
} from './contract/types/index.ts'
export type { DeliveryOptions, RetryOptions } from './delivery/policy.ts'
export type { Counters, DeliveryEvent } from './delivery/types.ts'
export type { Edit, Treated, Treatment } from './delivery/dead-letters.ts'
export type { Waiting, Which } from './delivery/waiting.ts'
export type { Kind, Message } from './message/message.ts'
export type { Runtime, Timer } from './runtime/runtime.ts'
export type { App, Watching } from './service/app.ts'
export type { ClientOptions } from './service/client.ts'
export type { Health } from './service/health.ts'
export type { Lot, LotPlace, ParkingLot } from './service/lots.ts'
export type { Middleware, MiddlewareContext } from './service/middleware.ts'
export type { ConnectOptions, Logger, ServeOptions } from './service/options.ts'
export type { SignalOptions } from './service/signals.ts'
export type { Capabilities } from './transport/capabilities.ts'
export type { Depth, Transport } from './transport/seam.ts'
