import type { Json } from "@mesh/base";
import type { Envelope } from "./envelope.ts";

/** An envelope as a CloudEvent 1.0 in JSON; the last members are extension attributes. */
export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly type: string;
  readonly time: string;
  readonly dataschema: string;
  readonly datacontenttype: "application/json";
  readonly data: Json;
  /** `cor`, as the correlation extension names it. */
  readonly correlationid: string;
  /** `cau`, as the correlation extension names it; absent for the first message of a flow. */
  readonly causationid?: string;
  /** `n`, events only. */
  readonly streamversion?: number;
  /** The whole signed envelope, so that the proof travels with the rename. */
  readonly jws: string;
}

/**
 * Renames an envelope's claims to those of CloudEvents, one to one.
 *
 * @param envelope A verified envelope.
 * @returns A CloudEvent whose `source` and `dataschema` are URIs of the scheme `mesh`.
 * @see CloudEvents 1.0.2, 3
 */
export function toCloudEvent({ claims, token }: Envelope): CloudEvent {
  const { jti, iss, sub, evt, sch, iat, cor, cau, n, dat } = claims;
  return {
    specversion: "1.0",
    id: jti,
    source: `mesh:${iss}`,
    subject: sub,
    type: evt,
    time: new Date(iat * 1000).toISOString(),
    dataschema: `mesh:${sch}`,
    datacontenttype: "application/json",
    data: dat,
    correlationid: cor,
    ...(cau === null ? {} : { causationid: cau }),
    ...(n === undefined ? {} : { streamversion: n }),
    jws: token,
  };
}
