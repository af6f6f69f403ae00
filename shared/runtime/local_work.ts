import type { Cause } from "@mesh/actor";
import { type IdSource, sha256 } from "@mesh/base";
import type { AnyCommand } from "@mesh/contract";
import type { Work } from "./work.ts";

/** What a local command says of itself. */
export interface LocalFacts {
  readonly id?: string;
  readonly correlation?: string;
  readonly cause?: Cause;
}

/**
 * Makes the work of a command that a service gives itself over HTTP: the same turn as any other, without the broker.
 *
 * @param service The service, which is issuer and receiver.
 * @param headers Trace headers to carry on.
 */
export function localWork(
  command: AnyCommand,
  service: string,
  headers: Readonly<Record<string, string>>,
  ids: IdSource,
  { id = ids.next(), correlation, cause }: LocalFacts,
): Work {
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
    digest: sha256(JSON.stringify([type, version, data])),
    token: "",
    undoes: [],
    ...(cause === undefined ? {} : { cause }),
    attempt: 1,
    returnTo: `${service}.in.p0`,
    partition: 0,
    userId: service,
    headers,
    isSuspect: false,
  };
}
