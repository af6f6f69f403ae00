import type { Delivery, OutgoingMessage } from "./broker.ts";
import { isBrokerHeader } from "./refusal.ts";

/** What one message of a bundle is besides its place in it. */
export type BundledMessage = Pick<OutgoingMessage, "messageId" | "type" | "routingKey" | "headers" | "body">;

/** Content type of a single envelope (RFC 7515 9.2.1). */
export const envelopeContentType = "application/jose";
/** Content type of several envelopes in one message. */
export const bundleContentType = "application/vnd.mesh.bundle";
/** 1,024: more messages than a publisher bundles; a bound for those who read what others sent. */
export const bundledMax = 1_024;
/** 256 KiB: a quarter of the largest message that our brokers take, and few frames. */
export const bundleBytesMax = 256 * 1024;

/** One message in the head of a bundle; absent is what does not travel. */
interface HeadEntry {
  readonly messageId: string;
  readonly type: string;
  readonly routingKey: string;
  readonly correlationId?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
}

/**
 * Writes several messages as one body: the length of the head in bytes (32 bits, big-endian), the head (a JSON array
 * with one object per message), and the bodies, end to end.
 *
 * The bodies stand as they are, so that nothing signed is ever written anew.
 */
export function encodeBundle(messages: readonly OutgoingMessage[]): Uint8Array {
  const head = encoder.encode(JSON.stringify(messages.map(entryOf)));
  const bodiesBytes = messages.reduce((sum, { body }) => sum + body.byteLength, 0);
  const bundle = new Uint8Array(4 + head.length + bodiesBytes);
  new DataView(bundle.buffer).setUint32(0, head.length);
  bundle.set(head, 4);
  let at = 4 + head.length;
  for (const { body } of messages) {
    bundle.set(body, at);
    at += body.byteLength;
  }
  return bundle;
}

/**
 * Reads what {@link encodeBundle} wrote.
 *
 * @returns The messages in their order, their bodies as views of `bundle`; `undefined` if it is no bundle.
 */
export function decodeBundle(bundle: Uint8Array): readonly BundledMessage[] | undefined {
  if (bundle.length < 4) return undefined;
  const headBytes = new DataView(bundle.buffer, bundle.byteOffset).getUint32(0);
  let at = 4 + headBytes;
  if (at > bundle.length) return undefined;
  const head = readHead(bundle.subarray(4, at));
  if (head === undefined) return undefined;
  const messages: BundledMessage[] = [];
  for (const { messageId, type, routingKey, headers, bodyBytes } of head) {
    messages.push({ messageId, type, routingKey, headers, body: bundle.subarray(at, at + bodyBytes) });
    at += bodyBytes;
  }
  return at === bundle.length ? messages : undefined;
}

/**
 * Makes a bundle's messages deliveries of their own.
 *
 * @param whole The bundle as it was delivered.
 */
export function bundledDeliveries(whole: Delivery, messages: readonly BundledMessage[]): readonly Delivery[] {
  // Under the key of its first message it came straight; any other is that of a later hop, which is the same for all.
  const isDirect = whole.routingKey === messages[0]?.routingKey;
  return messages.map(({ body, messageId, type, headers, routingKey }) =>
    Object.freeze({
      ...whole,
      body,
      messageId,
      type,
      headers,
      routingKey: isDirect ? routingKey : whole.routingKey,
    })
  );
}

/**
 * Says how much room a message takes in a bundle.
 *
 * @returns Bytes, rather too many: a character takes up to three in UTF-8. Those that JSON escapes take more, and texts
 * of the mesh have none.
 */
export function bundledBytes(
  { messageId, type, routingKey, correlationId = "", headers, body }: OutgoingMessage,
): number {
  let characters = messageId.length + type.length + routingKey.length + correlationId.length;
  for (const name in headers) characters += name.length + headers[name]!.length + punctuationBytes;
  return body.byteLength + 3 * characters + entryBytes;
}

/** Quotes, colon and comma around a header. */
const punctuationBytes = 6;
/** Names and punctuation of a head's entry, and the digits of its length. */
const entryBytes = 128;

function entryOf({ messageId, type, routingKey, correlationId, headers, body }: OutgoingMessage): HeadEntry {
  return {
    messageId,
    type,
    routingKey,
    ...(correlationId === undefined ? {} : { correlationId }),
    headers,
    bodyBytes: body.byteLength,
  };
}

function readHead(bytes: Uint8Array): readonly HeadEntry[] | undefined {
  try {
    const head: unknown = JSON.parse(decoder.decode(bytes));
    const isHead = Array.isArray(head) && head.length > 0 && head.length <= bundledMax && head.every(isEntry);
    return isHead ? head : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is HeadEntry {
  if (typeof value !== "object" || value === null) return false;
  const { messageId, type, routingKey, headers, bodyBytes } = value as Readonly<Record<string, unknown>>;
  return typeof messageId === "string" && typeof type === "string" && typeof routingKey === "string" &&
    typeof headers === "object" && headers !== null &&
    Object.entries(headers).every(([name, text]) => typeof text === "string" && !isBrokerHeader(name)) &&
    Number.isSafeInteger(bodyBytes) && bodyBytes as number >= 0;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
