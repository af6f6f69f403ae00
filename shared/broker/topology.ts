/** A topic exchange; all exchanges are durable topic exchanges. */
export interface ExchangeSpec {
  readonly name: string;
}

/** A durable quorum queue. Everything that can be a policy is one. */
export interface QueueSpec {
  readonly name: string;
  readonly isSingleActiveConsumer: boolean;
}

/** Routes from an exchange to a queue or to another exchange by a topic pattern (`*` one word, `#` any number). */
export interface BindingSpec {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: "queue" | "exchange";
  readonly pattern: string;
}

/** Settings of a class of queues, applied by the broker's policy machinery. */
export interface PolicySpec {
  readonly name: string;
  /** Regular expression over queue names. */
  readonly pattern: string;
  readonly deliveryLimit?: number;
  readonly deadLetterExchange?: string;
  readonly deadLetterRoutingKey?: string;
  readonly messageTtlMs?: number;
}

/** Rights of one service at the broker. */
export interface UserSpec {
  readonly name: string;
  /** Regular expression of queues that it may read. */
  readonly read: string;
  /** Regular expression of exchanges that it may write to. */
  readonly write: string;
  /** Regular expressions of routing keys that it may publish with, by exchange. */
  readonly topicWrite: Readonly<Record<string, string>>;
}

/** Everything that the broker must hold, as data. */
export interface BrokerTopology {
  readonly exchanges: readonly ExchangeSpec[];
  readonly queues: readonly QueueSpec[];
  readonly bindings: readonly BindingSpec[];
  readonly policies: readonly PolicySpec[];
  readonly users: readonly UserSpec[];
}
