import { Buffer, isAscii } from "node:buffer";
import { decodeBase64Url } from "./base64url.ts";

/** Largest envelope: what fits into one AMQP frame and into a dead letter's row beside its story. */
export const envelopeBytesMax = 48 * 1024;

/** A compact JWS whose parts are found and not yet proven to be base64url. */
export interface OpenToken {
  readonly token: string;
  /** Where the dots are; the same place where there are fewer than two. */
  readonly headerEnd: number;
  readonly payloadEnd: number;
  /** The protected header, one character a byte; `undefined` if it is not base64url in its one spelling. */
  readonly headerText: string | undefined;
}

/** The bytes of a compact JWS. They are only lent: the next token that is signed or taken apart overwrites them. */
export interface TokenBytes {
  /** The whole token. */
  readonly whole: Uint8Array;
  /** What is signed: header, dot and payload. */
  readonly signed: Uint8Array;
  readonly payload: Uint8Array;
  /** As long as the token says, which need not be 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * Finds the parts of a compact JWS and reads its header.
 *
 * @param body At most {@link envelopeBytesMax} long.
 */
export function openToken(body: Uint8Array | string): OpenToken {
  // A byte beyond ASCII becomes a letter beyond ASCII, which is not base64url.
  const token = typeof body === "string" ? body : latin1From(body);
  const headerEnd = token.indexOf(".");
  const length = decodeBase64Url(token.slice(0, headerEnd), scratch.header);
  return {
    token,
    headerEnd,
    payloadEnd: token.lastIndexOf("."),
    headerText: length === undefined ? undefined : buffers.header.toString("latin1", 0, length),
  };
}

/**
 * Takes a compact JWS apart: three parts, each base64url in its one spelling.
 *
 * @returns Its bytes, or in a few words why it is none.
 * @see RFC 7515 7.1
 */
export function takeApart({ token, headerEnd, payloadEnd, headerText }: OpenToken): TokenBytes | string {
  // A dot too many is not base64url either.
  const payload = decodeBase64Url(token.slice(headerEnd + 1, payloadEnd), scratch.payload);
  const signature = decodeBase64Url(token.slice(payloadEnd + 1), scratch.signature);
  if (headerText === undefined || payload === undefined || signature === undefined || headerEnd === payloadEnd) {
    const count = token.split(".").length;
    return count === 3 ? "a part is not base64url in its one spelling" : `it has ${count} parts instead of 3`;
  }
  const whole = asciiBytes(token);
  return {
    whole,
    signed: whole.subarray(0, payloadEnd),
    payload: scratch.payload.subarray(0, payload),
    signature: scratch.signature.subarray(0, signature),
  };
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
const scratch = {
  ascii: new Uint8Array(envelopeBytesMax),
  header: new Uint8Array(envelopeBytesMax),
  payload: new Uint8Array(envelopeBytesMax),
  signature: new Uint8Array(envelopeBytesMax),
};
const buffers = {
  ascii: Buffer.from(scratch.ascii.buffer),
  header: Buffer.from(scratch.header.buffer),
  payload: Buffer.from(scratch.payload.buffer),
};
