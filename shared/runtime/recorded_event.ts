import { DefectError } from "@mesh/base";
import { envelopeBytesMax, type EnvelopeClaims } from "@mesh/envelope";
import type { ProjectedEvent } from "./projection.ts";

/** Reads an event from an envelope that needs no proof, because this very service has recorded it. */
export type ReadRecorded = (envelope: string) => ProjectedEvent;

/**
 * Makes a reader of the service's own events.
 *
 * @returns Takes a compact JWS from the service's own table of events, and does not look at its signature. Throws a
 * {@link DefectError} if it is none.
 */
export function recordedEventReader(): ReadRecorded {
  const utf8 = new TextDecoder();
  // One for all of them: an array of its own for each event takes twice as long.
  const bytes = new Uint8Array(envelopeBytesMax);
  return (envelope) => {
    const payload = envelope.slice(envelope.indexOf(".") + 1, envelope.lastIndexOf("."));
    let claims: EnvelopeClaims;
    try {
      const { read, written } = bytes.setFromBase64(payload, { alphabet: "base64url" });
      if (read < payload.length) throw new RangeError(`it has more than ${envelopeBytesMax} bytes`);
      claims = JSON.parse(utf8.decode(bytes.subarray(0, written)));
    } catch (cause) {
      throw new DefectError("Cannot read an event of this service: its envelope is none", { cause });
    }
    return eventFrom(claims);
  };
}

/** @returns What a projection sees of an envelope's claims, whether they are proven or not. */
export function eventFrom({ jti, evt, sch, sub, n = 0, cor, iat, act, dat }: EnvelopeClaims): ProjectedEvent {
  return {
    id: jti,
    type: evt,
    version: Number(sch.slice(sch.indexOf("#") + 1)),
    stream: sub,
    position: n,
    key: sub.slice(sub.indexOf("/") + 1),
    correlation: cor,
    data: dat,
    recordedAtMs: iat * 1000,
    ...(act === undefined ? {} : {
      cause: { subject: act.sub, via: act.via, ...(act.tok === undefined ? {} : { tokenHash: act.tok }) },
    }),
  };
}
