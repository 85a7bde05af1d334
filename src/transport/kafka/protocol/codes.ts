/** Kafka's error codes by name, as its protocol lists them. Those that are not here are shown by number. */
export const codes = {
  UNKNOWN_SERVER_ERROR: -1,
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  INVALID_PARTITIONS: 37,
  INVALID_REPLICATION_FACTOR: 38,
  INVALID_CONFIG: 40,
  NOT_CONTROLLER: 41,
  POLICY_VIOLATION: 44,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  FETCH_SESSION_ID_NOT_FOUND: 70,
  INVALID_FETCH_SESSION_EPOCH: 71,
  LISTENER_NOT_FOUND: 72,
  UNKNOWN_LEADER_EPOCH: 75,
  FENCED_LEADER_EPOCH: 74,
  OFFSET_NOT_AVAILABLE: 78,
  GROUP_MAX_SIZE_REACHED: 81,
  INVALID_RECORD: 87,
  THROTTLING_QUOTA_EXCEEDED: 89,
} as const

const names = new Map<number, string>(Object.entries(codes).map(([name, code]) => [code, name]))

export const nameOfCode = (code: number): string => names.get(code) ?? `error ${code}`

/** Trying again may help: another broker leads, one starts, or replicas are missing. */
const passing = new Set<number>([
  codes.UNKNOWN_SERVER_ERROR,
  codes.CORRUPT_MESSAGE,
  codes.UNKNOWN_TOPIC_OR_PARTITION,
  codes.LEADER_NOT_AVAILABLE,
  codes.NOT_LEADER_OR_FOLLOWER,
  codes.REQUEST_TIMED_OUT,
  codes.REPLICA_NOT_AVAILABLE,
  codes.COORDINATOR_LOAD_IN_PROGRESS,
  codes.COORDINATOR_NOT_AVAILABLE,
  codes.NOT_COORDINATOR,
  codes.NOT_ENOUGH_REPLICAS,
  codes.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  codes.NOT_CONTROLLER,
  codes.KAFKA_STORAGE_ERROR,
  codes.LISTENER_NOT_FOUND,
  codes.UNKNOWN_LEADER_EPOCH,
  codes.FENCED_LEADER_EPOCH,
  codes.OFFSET_NOT_AVAILABLE,
  codes.THROTTLING_QUOTA_EXCEEDED,
])

export const isPassing = (code: number): boolean => passing.has(code)

/** The broker's answer to a request was an error. */
export class KafkaFault extends Error {
  readonly code: number

  constructor(code: number, what: string, said?: string | null) {
    super(`${what}: ${nameOfCode(code)}${said ? ` (${said})` : ''}`)
    this.code = code
  }
}

/** The connection failed, or was lost with requests under way: whether they were carried out is not known. */
export class LinkFault extends Error {
  /** Nothing was asked: the connection could not be made. */
  readonly unsent: boolean
  /** Trying again will not help: wrong credentials, TLS refused. */
  readonly hopeless: boolean

  constructor(message: string, details: { unsent?: boolean; hopeless?: boolean; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.unsent = details.unsent ?? false
    this.hopeless = details.hopeless ?? false
  }
}

export const codeOf = (error: unknown): number | undefined => (error instanceof KafkaFault ? error.code : undefined)
