import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { parseMail } from "./mail_message.ts";

/** What SMTP carries: one character per byte. */
const wire = (text: string) => String.fromCharCode(...new TextEncoder().encode(text.replaceAll("\n", "\r\n")));

Deno.test("a plain message gives its header fields and its text", () => {
  const mail = parseMail(wire("Message-ID: <a@b>\nSubject: Hello\n world\n\nFirst line\n\nSecond line\n"));

  assertEquals([{ ...mail.headers }, mail.text], [
    { "message-id": "<a@b>", subject: "Hello world" },
    "First line\n\nSecond line",
  ]);
});

Deno.test("words of another charset in a header field are decoded, also when they were split", () => {
  const subject = (words: string) => parseMail(wire(`Subject: ${words}\n\n`)).headers.subject;

  assertEquals(
    [
      subject("=?UTF-8?B?7J6l7YSw?="),
      subject("=?utf-8?Q?a_b=3D?=\n =?utf-8?Q?c?="),
      subject("=?iso-8859-1?Q?caf=E9?="),
    ],
    ["장터", "a b=c", "café"],
  );
});

Deno.test("a body is decoded by its transfer encoding and charset", () => {
  const text = (encoding: string, body: string) =>
    parseMail(wire(`Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: ${encoding}\n\n${body}`)).text;

  assertEquals([text("quoted-printable", "caf=C3=A9 =\nau lait"), text("base64", "7J6l7YSw\n"), text("8bit", "장터")], [
    "café au lait",
    "장터",
    "장터",
  ]);
});

Deno.test("the first plain text of a message of several parts is its text", () => {
  const mail = parseMail(wire(
    `Content-Type: multipart/mixed; boundary="outer"\n\n--outer\nContent-Type: multipart/alternative; boundary=inner\n\n` +
      `--inner\nContent-Type: text/html\n\n<b>Hi</b>\n--inner\nContent-Type: text/plain\n\nHi\n--inner--\n--outer--\n`,
  ));

  assertEquals(mail.text, "Hi");
});

Deno.test("garbage is no message and breaks nothing", () => {
  assertEquals(
    ["", "no colon", ":\r\n\r\nx", "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a"].map((raw) =>
      parseMail(raw).text
    ),
    [
      "",
      "",
      "x",
      "",
    ],
  );
});
