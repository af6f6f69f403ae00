/** A call to the management API; `{vhost}` in the path stands for the vhost. */
export interface TopologyChange {
  readonly method: "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

/** One difference between the topology and the broker. */
export interface TopologyFinding {
  readonly subject: "exchange" | "policy" | "queue" | "binding" | "user" | "topic-permission" | "permission";
  /** `missing` from the broker, `changed` there, or `foreign`: there, but not in the topology. */
  readonly state: "missing" | "changed" | "foreign";
  /** What it is called, unique within its subject. */
  readonly name: string;
  /** What the difference does while it lasts, and what mending it may do; one sentence each. */
  readonly risk: string;
  /** What mends it; absent where that needs a hand, or would lose messages. */
  readonly change?: TopologyChange;
}

/** Path of one item of a collection of the management API, in the client's vhost. */
export function pathOf(collection: string, name: string): string {
  return `/api/${collection}/{vhost}/${encodeURIComponent(name)}`;
}
