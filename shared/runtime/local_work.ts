import type { Cause } from "@mesh/actor";
import { sha256 } from "@mesh/base";
import type { AnyCommand } from "@mesh/contract";
import type { Work } from "./work.ts";

/** What is known of a local command besides itself. */
export interface LocalFacts {
  /** The service, which is issuer and receiver. */
  readonly service: string;
  readonly id: string;
  /** The flow; the id when absent. */
  readonly correlation?: string;
  readonly cause?: Cause;
  /** Trace headers to carry on. */
  readonly headers: Readonly<Record<string, string>>;
  /** The effect that it ends: that is what makes it happen once, and nobody asks for its digest. */
  readonly endsEffect?: Work["endsEffect"];
}

/**
 * Makes the work of a command that a service gives itself over HTTP: the same turn as any other, without the broker.
 */
export function localWork(command: AnyCommand, facts: LocalFacts): Work {
  const { service, id, correlation, cause, headers, endsEffect } = facts;
  const { type, version, key, data } = command;
  return {
    received: {
      id,
      kind: "command",
      type,
      version,
      key,
      correlation: correlation ?? id,
      recordedAtMs: 0,
      re: [],
      data,
    },
    issuer: service,
    subject: `${service}/${key}`,
    digest: endsEffect === undefined ? sha256(JSON.stringify([type, version, data])) : "",
    token: "",
    undoes: [],
    ...(cause === undefined ? {} : { cause }),
    ...(endsEffect === undefined ? {} : { endsEffect }),
    attempt: 1,
    returnTo: `${service}.in.p0`,
    partition: 0,
    userId: service,
    headers,
    isSuspect: false,
  };
}
