import { errorText } from "@mesh/base";
import { compactVerify, createLocalJWKSet } from "jose";
import { z } from "zod";
import { provableJwt } from "./provable_jwt.ts";

/** What the envelope of an event says, as far as timelines show it. */
const Claims = z.looseObject({
  jti: z.string(),
  iss: z.string(),
  evt: z.string(),
  sub: z.string(),
  n: z.int(),
  cor: z.string(),
  cau: z.string().nullable(),
  re: z.array(z.string()).default([]),
  act: z.object({ sub: z.string(), via: z.string() }).optional(),
  dat: z.unknown(),
});

/** Protected header of an envelope. */
const Header = z.object({ kid: z.string(), typ: z.string() });

/** Claims of an event. */
export type EventClaims = z.output<typeof Claims>;

/** What came of checking one envelope here, with nothing but the published keys. */
export interface LocalVerdict {
  readonly isVerified: boolean;
  /** Key that signed it; empty if it names none. */
  readonly kid: string;
  /** Why it was not verified. */
  readonly reason?: string;
  /** What it says, verified or not; absent if it cannot be read. */
  readonly claims?: EventClaims;
}

/** The mesh's keys as they are published: ordinary JWKs that say whose they are. */
export const PublishedKeys = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), mesh_service: z.string() })),
});

/** Checks one envelope. */
export type VerifyLocally = (envelope: string) => Promise<LocalVerdict>;

/**
 * Makes a verifier out of a JWK set, with `jose` and none of the mesh's own code, so that a fault of that would show.
 *
 * @param published Keys with the service that each belongs to.
 */
export function localVerifier(published: z.output<typeof PublishedKeys>): VerifyLocally {
  const keys = createLocalJWKSet(published as Parameters<typeof createLocalJWKSet>[0]);
  const ownerOf = new Map(published.keys.map(({ kid, mesh_service }) => [kid, mesh_service]));
  return async (envelope) => {
    const kid = kidOf(envelope);
    try {
      const { protectedHeader } = await compactVerify(provableJwt(envelope), keys, { algorithms: ["Ed25519"] });
      const claims = Claims.parse(partOf(envelope, 1));
      const { typ } = Header.parse(partOf(envelope, 0));
      const isJoint = protectedHeader.typ === "mesh-batch+jwt";
      if (typ !== "mesh-event+jwt" || !(isJoint || protectedHeader.typ === typ)) {
        return { isVerified: false, kid, reason: "not-an-event", claims };
      }
      if (ownerOf.get(kid) !== claims.iss) return { isVerified: false, kid, reason: "signer-not-owner", claims };
      return { isVerified: true, kid, claims };
    } catch (error) {
      const claims = unprovenClaims(envelope);
      return { isVerified: false, kid, reason: errorText(error), ...(claims === undefined ? {} : { claims }) };
    }
  };
}

function kidOf(envelope: string): string {
  const header = Header.safeParse(partOf(envelope, 0));
  return header.success ? header.data.kid : "";
}

function unprovenClaims(envelope: string): EventClaims | undefined {
  const claims = Claims.safeParse(partOf(envelope, 1));
  return claims.success ? claims.data : undefined;
}

function partOf(envelope: string, at: number): unknown {
  try {
    const bytes = Uint8Array.fromBase64(envelope.split(".")[at] ?? "", { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
