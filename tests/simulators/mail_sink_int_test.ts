import { deepStrictEqual as assertEquals, match, rejects } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import nodemailer from "nodemailer";
import type { Mail } from "./mail_box.ts";
import { type MailSinkOptions, type RunningMailSink, startMailSink } from "./mail_sink.ts";

const notice = {
  from: "Jangteo <shop@jangteo.example>",
  to: "Mina Park <mina@example.com>",
  messageId: "<confirmed.o-1@jangteo.example>",
  subject: "Order o-1: 장터",
  text: "Thank you.\n",
  headers: { "X-Order-Id": "o-1", "X-Notice-Kind": "confirmed" },
};

async function withSink(
  use: (client: ReturnType<typeof clientOf>) => Promise<void>,
  options: MailSinkOptions = {},
): Promise<void> {
  await using sink = await startMailSink(options);
  const client = clientOf(sink);
  try {
    await use(client);
  } finally {
    client.close();
  }
}

function clientOf({ smtpPort, url }: RunningMailSink) {
  const transport = nodemailer.createTransport({ host: "127.0.0.1", port: smtpPort, secure: false });
  return {
    url,
    send: (changes: Record<string, unknown> = {}) => transport.sendMail({ ...notice, ...changes }),
    mails: async () => (await (await fetch(`${url}/mails`)).json() as { mails: Mail[] }).mails,
    page: async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    switches: async (switches: Record<string, number>) => {
      const response = await fetch(`${url}/_simulator/switches`, { method: "PUT", body: JSON.stringify(switches) });
      await response.body?.cancel();
    },
    ledger: async () => await (await fetch(`${url}/_simulator/ledger?order=o-1`)).json(),
    close: () => transport.close(),
  };
}

Deno.test("the sink shows a mail that came by SMTP", () =>
  withSink(async ({ send, mails }) => {
    await send();

    assertEquals(await mails(), [{
      id: 1,
      messageId: notice.messageId,
      from: "shop@jangteo.example",
      to: ["mina@example.com"],
      subject: notice.subject,
      text: "Thank you.",
      orderId: "o-1",
      noticeKind: "confirmed",
      receivedAt: "2026-01-01T00:00:00.000Z",
    }]);
  }, { clock: new ManualClock() }));

Deno.test("the page lists mails newest first, and one click shows the text", () =>
  withSink(async ({ send, page }) => {
    await send();
    await send({ subject: "Second", text: "Later." });
    const list = await page("/");
    const one = await page("/mails/1");

    assertEquals(list.text.indexOf("Second") < list.text.indexOf("장터"), true);
    match(list.text, /<a href="\/mails\/1">/);
    match(one.text, /<pre>Thank you\.<\/pre>/);
    assertEquals((await page("/mails/99")).status, 404);
  }));

Deno.test("the page escapes everything that a mail contains and runs no script", () =>
  withSink(async ({ send, page }) => {
    await send({ subject: `<script>alert("1")</script>`, text: "<img src=x onerror=alert(2)>", messageId: "<a&b@x>" });
    for (const path of ["/", "/mails/1"]) {
      const { text, headers } = await page(path);
      assertEquals(/<script|<img/.test(text), false);
      match(headers.get("content-security-policy") ?? "", /default-src 'none'/);
    }
    match((await page("/mails/1")).text, /&lt;img src=x onerror=alert\(2\)&gt;/);
  }));

Deno.test("failCount refuses a mail with 451 and takes it later", () =>
  withSink(async ({ send, mails, switches }) => {
    await switches({ failCount: 1 });
    await rejects(send(), { responseCode: 451 });
    await send();

    assertEquals((await mails()).length, 1);
  }));

Deno.test("failStatus refuses a mail for good", () =>
  withSink(async ({ send, mails, switches }) => {
    await switches({ failCount: 1, failStatus: 550 });
    await rejects(send(), { responseCode: 550 });

    assertEquals(await mails(), []);
  }));

Deno.test("loseAnswerCount takes a mail and closes the connection in place of the reply", () =>
  withSink(async ({ send, ledger, switches }) => {
    await switches({ loseAnswerCount: 1 });
    await rejects(send());
    await send();

    assertEquals((await ledger()).notices, [
      { orderId: "o-1", noticeKind: "confirmed", messageIds: [notice.messageId], arrivals: 2 },
    ]);
  }));

Deno.test("duplicateCount stores a mail twice", () =>
  withSink(async ({ send, mails, switches }) => {
    await switches({ duplicateCount: 1 });
    await send();

    assertEquals((await mails()).map(({ messageId }) => messageId), [notice.messageId, notice.messageId]);
  }));

Deno.test("delayMs takes a mail at once and holds the reply back", () => {
  const clock = new ManualClock();
  return withSink(async ({ send, mails, switches }) => {
    await switches({ delayMs: 5_000 });
    const sent = send();
    while (clock.waitingCount === 0) await mails();
    const takenBefore = (await mails()).length;
    await clock.advance(5_000);

    assertEquals([takenBefore, (await sent).accepted], [1, ["mina@example.com"]]);
  }, { clock });
});

Deno.test("a mail that is too large is refused and not kept", () =>
  withSink(async ({ send, mails }) => {
    await rejects(send({ text: "x".repeat(300 * 1024) }), { responseCode: 552 });

    assertEquals(await mails(), []);
  }));

Deno.test("deleting the state empties the mail box", () =>
  withSink(async ({ send, mails, url }) => {
    await send();
    const deleted = await fetch(`${url}/_simulator/state`, { method: "DELETE" });

    assertEquals([deleted.status, await mails()], [204, []]);
  }));
