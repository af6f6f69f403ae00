import { Buffer, isAscii } from "node:buffer";
import { hash } from "node:crypto";
import { decodeBase64Url } from "./base64url.ts";
import { type EnvelopeHeader, readHeader } from "./header.ts";

/** Largest envelope: what fits into one AMQP frame and into a dead letter's row beside its story. */
export const envelopeBytesMax = 48 * 1024;

/** A compact JWS whose parts are found and not yet proven to be base64url. */
export interface OpenToken {
  readonly token: string;
  /** Where the dots are; the same place where there are fewer than two. */
  readonly headerEnd: number;
  readonly payloadEnd: number;
  /** What the protected header says, or what is wrong with it: its base64url or what that spells. */
  readonly header: EnvelopeHeader | "malformed" | "wrong-header";
}

/** Where an envelope stands among those that one signature covers. */
export interface BatchPlace {
  /** The signature in base64url, which is as good as a name of the batch. */
  readonly signatureText: string;
  /** From 0. */
  readonly index: number;
  /** Number of envelopes, 2 to {@link batchMax}. */
  readonly size: number;
  /** Inclusion proof: hashes in base64url end to end, unproven. */
  readonly path: string;
}

/** The bytes of an envelope. They are only lent: the next token that is signed or taken apart overwrites them. */
export interface TokenBytes {
  /** The JWS Signing Input: header, dot and payload. */
  readonly signed: Uint8Array;
  /** SHA-256 of a zero byte and the signing input, base64url: what the envelope is known by. */
  readonly hash: string;
  readonly payload: Uint8Array;
  /** As long as the token says, which need not be 64 bytes. */
  readonly signature: Uint8Array;
  /** Absent for an envelope with a signature of its own. */
  readonly place?: BatchPlace;
}

/** Most envelopes that share a signature. */
export const batchMax = 1024;

/**
 * Finds the parts of a compact JWS and reads its header.
 *
 * @param body At most {@link envelopeBytesMax} long.
 */
export function openToken(body: Uint8Array | string): OpenToken {
  // A byte beyond ASCII becomes a letter beyond ASCII, which is not base64url.
  const token = typeof body === "string" ? body : latin1From(body);
  const headerEnd = token.indexOf(".");
  return { token, headerEnd, payloadEnd: token.lastIndexOf("."), header: headerOf(token.slice(0, headerEnd)) };
}

/** All that a key ever signs of a kind begins alike, so that a header is read once and then known by its spelling. */
function headerOf(part: string): OpenToken["header"] {
  const known = knownHeaders.get(part);
  if (known !== undefined) return known;
  const length = decodeBase64Url(part, scratch.header);
  if (length === undefined) return "malformed";
  const header = readHeader(buffers.header.toString("latin1", 0, length));
  if (header === undefined) return "wrong-header";
  if (knownHeaders.size >= headersMax) knownHeaders.clear();
  knownHeaders.set(part, header);
  return header;
}

/**
 * Takes an envelope apart: header and payload in base64url, each in its one spelling, and behind them a signature or a
 * place in a batch.
 *
 * @returns Its bytes, or in a few words why it is none.
 * @see RFC 7515 7.1
 */
export function takeApart({ token, headerEnd, payloadEnd, header }: OpenToken): TokenBytes | string {
  const proof = token.slice(payloadEnd + 1);
  const place = proof.includes("~") ? readPlace(proof) : undefined;
  // A dot too many is not base64url either.
  const payload = decodeBase64Url(token.slice(headerEnd + 1, payloadEnd), scratch.payload);
  const signature = signatureLength(place?.signatureText ?? proof);
  if (header === "malformed" || payload === undefined || signature === undefined || headerEnd === payloadEnd) {
    const count = token.split(".").length;
    return count === 3 ? "a part is not base64url in its one spelling" : `it has ${count} parts instead of 3`;
  }
  const { signed, hash } = signingInput(token.slice(0, payloadEnd));
  return {
    signed,
    hash,
    payload: scratch.payload.subarray(0, payload),
    signature: scratch.signature.subarray(0, signature),
    ...(place === undefined ? {} : { place }),
  };
}

/**
 * Decodes a signature into its place, unless it is the one that was decoded last: envelopes of a batch come one after the
 * other.
 */
function signatureLength(text: string): number | undefined {
  if (text !== decoded.signatureText) {
    decoded.signatureLength = decodeBase64Url(text, scratch.signature);
    decoded.signatureText = text;
  }
  return decoded.signatureLength;
}

/** @returns What stands behind the payload of an envelope that shares its signature. */
export function writePlace({ signatureText, index, size, path }: BatchPlace): string {
  return `${signatureText}~${index}~${size}~${path}`;
}

/** @returns `undefined` for what {@link writePlace} never writes; the path's length is for the tree to judge. */
function readPlace(text: string): BatchPlace | undefined {
  const found = placePattern.exec(text);
  if (found === null) return undefined;
  const [, signatureText, indexText, sizeText, path] = found as unknown as readonly [
    string,
    string,
    string,
    string,
    string,
  ];
  const [index, size] = [Number(indexText), Number(sizeText)];
  return size < 2 || size > batchMax || index >= size ? undefined : { signatureText, index, size, path };
}

const placePattern = /^([\w-]{86})~(0|[1-9]\d{0,3})~([1-9]\d{0,3})~([\w-]+)$/;

/**
 * Writes a JWS Signing Input as bytes and hashes it as a leaf of a Merkle tree: SHA-256 of a zero byte and the bytes.
 *
 * @param text At most {@link envelopeBytesMax} long, ASCII.
 * @returns Bytes that are only lent, as those of {@link TokenBytes}, and the hash in base64url.
 * @see RFC 9162 2.1.1
 */
export function signingInput(text: string): Pick<TokenBytes, "signed" | "hash"> {
  const signed = asciiBytes(text);
  return { signed, hash: hash("sha256", scratch.leaf.subarray(0, text.length + 1), "base64url") };
}

/**
 * Says what an envelope is known by, without a look at anything that it says.
 *
 * @param token At most {@link envelopeBytesMax} long, ASCII.
 * @returns As {@link TokenBytes.hash}; of no meaning for a text that is no envelope.
 */
export function envelopeHash(token: string): string {
  return signingInput(token.slice(0, token.lastIndexOf("."))).hash;
}

/**
 * Reads what an envelope claims, without a proof of any of it: good for looking something up, and for nothing else.
 *
 * @returns Whatever its payload holds; `undefined` where that is no JSON.
 */
export function unprovenClaims(token: string): unknown {
  try {
    const payload = token.slice(token.indexOf(".") + 1, token.lastIndexOf("."));
    return JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Reads a payload as text.
 *
 * @param bytes {@link TokenBytes.payload}.
 * @throws {TypeError} If it is no UTF-8.
 */
export function payloadText(bytes: Uint8Array): string {
  // Most payloads are ASCII, and finding that out costs less than the decoder.
  return isAscii(bytes) ? buffers.payload.toString("latin1", 0, bytes.length) : utf8.decode(bytes);
}

/** @returns The text's UTF-8 in base64url: a part of a token. */
export function encodedText(text: string): string {
  const { read, written } = encoder.encodeInto(text, scratch.payload);
  if (read === text.length) return buffers.payload.toString("base64url", 0, written);
  // What finds no room here finds none in an envelope either, but that is for its signer to say.
  return Buffer.from(text).toString("base64url");
}

/**
 * Writes an ASCII text as bytes.
 *
 * @param text At most {@link envelopeBytesMax} long.
 * @returns Bytes that are only lent, as those of {@link TokenBytes}.
 */
export function asciiBytes(text: string): Uint8Array {
  encoder.encodeInto(text, scratch.ascii);
  return scratch.ascii.subarray(0, text.length);
}

function latin1From(body: Uint8Array): string {
  scratch.ascii.set(body);
  return buffers.ascii.toString("latin1", 0, body.length);
}

const encoder = new TextEncoder();
/** Strict, and a byte order mark stays visible, so that the JSON parser refuses it. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/**
 * Room for one token, used again for each: whoever borrows it is done before anything else runs, and new memory for every
 * part costs more than decoding it.
 */
const leaf = new Uint8Array(envelopeBytesMax + 1);
const scratch = {
  /** A zero byte and then {@link scratch.ascii}. */
  leaf,
  ascii: leaf.subarray(1),
  header: new Uint8Array(envelopeBytesMax),
  payload: new Uint8Array(envelopeBytesMax),
  signature: new Uint8Array(envelopeBytesMax),
};
/** What lies in {@link scratch.signature}. */
const decoded: { signatureText: string; signatureLength: number | undefined } = {
  signatureText: "",
  signatureLength: undefined,
};
/** Two for each key, and some that nobody knows. */
const headersMax = 64;
const knownHeaders = new Map<string, EnvelopeHeader>();
const buffers = {
  ascii: Buffer.from(leaf.buffer, 1),
  header: Buffer.from(scratch.header.buffer),
  payload: Buffer.from(scratch.payload.buffer),
};
