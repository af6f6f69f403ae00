import type { ConsumeMessage } from "amqplib";
import type { Delivery } from "./broker.ts";
import { bundleContentType, bundledDeliveries, decodeBundle } from "./bundle.ts";
import { isBrokerHeader } from "./refusal.ts";

/**
 * Reads what amqplib hands out; anything that is not text is left out, because we send nothing else.
 *
 * @returns One delivery, or those of a bundle. A bundle that cannot be read stays one delivery, which nobody can verify.
 */
export function deliveriesOf(queue: string, message: ConsumeMessage): readonly Delivery[] {
  const whole = deliveryOf(queue, message);
  const messages = message.properties.contentType === bundleContentType ? decodeBundle(whole.body) : undefined;
  return messages === undefined ? [whole] : bundledDeliveries(whole, messages);
}

function deliveryOf(queue: string, { content, fields, properties }: ConsumeMessage): Delivery {
  const headers: Record<string, unknown> = properties.headers ?? {};
  const death = lastDeathOf(headers);
  return Object.freeze({
    body: new Uint8Array(content.buffer, content.byteOffset, content.byteLength),
    queue,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    messageId: textOf(properties.messageId),
    type: textOf(properties.type),
    userId: textOf(properties.userId),
    headers: textHeaders(headers),
    isRedelivered: fields.redelivered,
    ...(death === undefined ? {} : { lastDeath: death }),
  });
}

function textHeaders(headers: Record<string, unknown>): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === "string" && !isBrokerHeader(name)) texts[name] = value;
  }
  return texts;
}

/** The broker puts the latest death first. */
function lastDeathOf({ "x-death": deaths }: Record<string, unknown>): Delivery["lastDeath"] {
  if (!Array.isArray(deaths)) return undefined;
  const { reason, queue } = (deaths[0] ?? {}) as Record<string, unknown>;
  return typeof reason === "string" && typeof queue === "string" ? { reason, queue } : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
