/** What the mail sink reads out of a message. */
export interface MailMessage {
  /** Header fields by lower-case name, decoded; of a repeated field the first one. */
  readonly headers: Readonly<Record<string, string>>;
  /** The text of the message: its body, or its first `text/plain` part. */
  readonly text: string;
}

/** Parts inside parts; mail programs never come near it, so more is somebody's trick. */
const depthMax = 5;

/**
 * Reads an Internet message (RFC 5322) as far as it must be shown: header fields and text.
 *
 * @param raw The message as it came over SMTP, one character per byte (latin1).
 * @returns Its header fields and its text, decoded.
 *
 * @example An encoded subject
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { parseMail } from "@jangteo/tests/simulators";
 *
 * const mail = parseMail("Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n");
 * assertEquals(mail.headers.subject, "Grüße");
 * ```
 */
export function parseMail(raw: string): MailMessage {
  const { headers, body } = splitMessage(raw);
  return { headers, text: textOf(headers, body, 0) };
}

function splitMessage(raw: string): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const [head = "", ...rest] = raw.split(/\r?\n\r?\n/);
  const separatorBytes = /\r?\n\r?\n/.exec(raw)?.[0].length ?? 0;
  const body = rest.length === 0 ? "" : raw.slice(head.length + separatorBytes);
  const headers: Record<string, string> = Object.create(null);
  for (const line of head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon > 0 && !(name in headers)) headers[name] = decodeWords(line.slice(colon + 1).trim());
  }
  return { headers, body };
}

function textOf(headers: Readonly<Record<string, string>>, body: string, depth: number): string {
  const type = headers["content-type"] ?? "text/plain";
  const boundary = /^multipart\//i.test(type) ? parameterOf(type, "boundary") : undefined;
  if (boundary !== undefined && depth < depthMax) {
    const parts = body.split(`--${boundary}`).slice(1, -1).map((part) => splitMessage(part.replace(/^\r?\n/, "")));
    const first = parts.find((part) =>
      /^(text\/plain|multipart\/)/i.test(part.headers["content-type"] ?? "text/plain")
    );
    return first === undefined ? "" : textOf(first.headers, first.body, depth + 1);
  }
  const bytes = decodeTransfer(body, headers["content-transfer-encoding"] ?? "7bit");
  return decodeCharset(bytes, parameterOf(type, "charset") ?? "utf-8").replaceAll("\r\n", "\n").trimEnd();
}

function parameterOf(field: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}="?([^";]+)"?`, "i").exec(field);
  return match?.[1]?.trim();
}

/** RFC 2047: words of another charset in a header field. */
function decodeWords(text: string): string {
  const joined = text.replaceAll(/\?=\s+=\?/g, "?==?");
  return joined.replaceAll(
    /=\?([^?]+)\?([BbQq])\?([^?]*)\?=/g,
    (_word, charset: string, encoding: string, data: string) => {
      const isBase64 = encoding.toLowerCase() === "b";
      const bytes = isBase64
        ? decodeTransfer(data, "base64")
        : decodeTransfer(data.replaceAll("_", " "), "quoted-printable");
      return decodeCharset(bytes, charset);
    },
  );
}

function decodeTransfer(text: string, encoding: string): Uint8Array {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return bytesOf(decodeBase64(text));
    case "quoted-printable":
      return bytesOf(
        text.replaceAll(/=[ \t]*\r?\n/g, "").replaceAll(
          /=([0-9A-Fa-f]{2})/g,
          (_code, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
        ),
      );
    default:
      return bytesOf(text);
  }
}

function decodeBase64(text: string): string {
  try {
    return atob(text.replaceAll(/[^A-Za-z0-9+/]/g, ""));
  } catch {
    // A damaged part is shown as it is: a sink shows what came, it does not judge it.
    return text;
  }
}

function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0) & 0xff);
}

function decodeCharset(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
