import { sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { connect } from "amqplib";
import { canonicalJson, type SigningKey } from "@mesh/envelope";

/** What somebody puts on the wire who does not use our code. */
export interface RogueMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: string;
  readonly messageId?: string;
  readonly type?: string;
  /** User that is claimed to publish; the login's own when absent. */
  readonly userId?: string;
}

/** A client of the broker with a stolen login: it says what it likes, as far as the broker lets it. */
export interface RogueClient extends AsyncDisposable {
  /** @returns How the broker took it: confirmed, or the code with which it closed the channel. */
  publish(message: RogueMessage): Promise<"confirmed" | number>;
}

/** Logs in at the broker with somebody's credentials. */
export async function openRogueClient(amqpUrl: string): Promise<RogueClient> {
  const connection = await connect(amqpUrl);
  const login = decodeURIComponent(new URL(amqpUrl).username);
  return {
    publish: async ({ exchange, routingKey, body, messageId, type, userId = login }) => {
      const channel = await connection.createConfirmChannel();
      const refused = Promise.withResolvers<number>();
      channel.on("error", ({ code }: { readonly code: number }) => refused.resolve(code));
      const properties = {
        persistent: true,
        userId,
        ...(messageId === undefined ? {} : { messageId }),
        ...(type === undefined ? {} : { type }),
      };
      const confirmed = new Promise<"confirmed">((resolve) =>
        channel.publish(exchange, routingKey, Buffer.from(body), properties, (error) => {
          if (error === null || error === undefined) resolve("confirmed");
        })
      );
      const outcome = await Promise.race([confirmed, refused.promise]);
      if (outcome === "confirmed") await channel.close();
      return outcome;
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** Signs any claims with any key, whatever we would refuse to sign. */
export function forged(claims: unknown, key: SigningKey, kind: "command" | "event" = "command"): string {
  return signedText(canonicalJson(claims), key, kind);
}

/** Signs any text with any key. */
export function signedText(text: string, key: SigningKey, kind: "command" | "event" = "command"): string {
  const signed = `${key.headers[kind]}.${Buffer.from(text).toString("base64url")}`;
  return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString("base64url")}`;
}
