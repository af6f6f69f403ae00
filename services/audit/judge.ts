import { Buffer } from "node:buffer";
import { errorCode, MeshError, sha256 } from "@mesh/base";
import { type Envelope, type Verifier, verifyEnvelope } from "@mesh/envelope";
import type { Doubt, Facts, NewEntry } from "./entry.ts";

/** An envelope that was judged; its place in its stream is another question. */
export type Judged = Omit<NewEntry, "chain">;

/** What a feed gave out. */
export interface FeedItem {
  readonly envelope: string;
  /** Milliseconds since 1970. */
  readonly recordedAtMs: number;
}

/**
 * Judges one envelope as the auditor: form, header, key, signature, claims, signer, policy, destination, and that it is
 * an event of the service whose feed gave it out.
 *
 * @param owner Service whose feed gave it out.
 * @returns What to store; never throws for what an envelope may hold.
 */
export function judge(owner: string, { envelope, recordedAtMs }: FeedItem, verifier: Verifier): Judged {
  const common = { owner, envelope, recordedAtMs };
  const proven = prove(envelope, verifier);
  if (typeof proven === "string") {
    return { ...common, hash: sha256(envelope), reason: proven, facts: claimedFacts(envelope) };
  }
  const doubt = doubtOf(owner, proven);
  return {
    ...common,
    hash: proven.hash,
    facts: provenFacts(proven),
    ...(doubt === undefined ? {} : { reason: doubt }),
  };
}

/** @returns The proven envelope, or the word for why it cannot be proven. */
export function prove(envelope: string, verifier: Verifier): Envelope | string {
  try {
    return verifyEnvelope(envelope, verifier);
  } catch (error) {
    const isRefusal = error instanceof MeshError && /^(envelope\.untrusted|contract\.invalid)$/.test(errorCode(error));
    if (!isRefusal) throw error;
    return error.reason;
  }
}

function doubtOf(owner: string, { kind, claims }: Envelope): Doubt | undefined {
  if (kind !== "event") return "not-an-event";
  return claims.iss === owner ? undefined : "foreign-feed";
}

function provenFacts({ claims, kid }: Envelope): Facts {
  const { jti, iss, evt, sch, sub, n, prv, cor, cau, act, iat } = claims;
  return {
    id: jti,
    signer: iss,
    type: evt,
    schema: sch,
    subject: sub,
    correlation: cor,
    kid,
    issuedAtS: iat,
    ...(n === undefined ? {} : { n }),
    ...(prv === undefined || prv === null ? {} : { prv }),
    ...(cau === null ? {} : { causation: cau }),
    ...(act === undefined ? {} : { actor: act.sub }),
  };
}

/**
 * Reads what an unproven envelope claims, so that it is found by those who look for what it pretends to be. Whatever is
 * not in the form of its claim is left out: it may be long, binary, or meant for whoever shows it.
 */
export function claimedFacts(envelope: string): Facts {
  const [header, payload] = envelope.split(".").slice(0, 2).map(readObject);
  const act = objectOf(payload?.act);
  const found: Record<keyof Facts, unknown> = {
    id: textLike(payload?.jti, idForm),
    signer: textLike(payload?.iss, wordForm),
    type: textLike(payload?.evt, typeForm),
    schema: textLike(payload?.sch, schemaForm),
    subject: textLike(payload?.sub, keyForm),
    n: wholeNumber(payload?.n),
    prv: textLike(payload?.prv, hashForm),
    correlation: textLike(payload?.cor, keyForm),
    causation: textLike(payload?.cau, idForm),
    actor: textLike(act?.sub, keyForm),
    kid: textLike(header?.kid, hashForm),
    issuedAtS: wholeNumber(payload?.iat),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as Facts;
}

function readObject(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return objectOf(JSON.parse(Buffer.from(part, "base64url").toString("utf8")));
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : undefined;
}

function textLike(value: unknown, form: RegExp): string | undefined {
  return typeof value === "string" && form.test(value) ? value : undefined;
}

function wholeNumber(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : undefined;
}

const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const wordForm = /^[a-z][a-z0-9-]{0,30}$/;
const typeForm = /^[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,60}$/;
const schemaForm = /^[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,60}#[1-9][0-9]{0,3}$/;
const keyForm = /^[\x21-\x7e]{1,240}$/;
const hashForm = /^[A-Za-z0-9_-]{43}$/;
