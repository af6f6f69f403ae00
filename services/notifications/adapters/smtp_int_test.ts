import { deepStrictEqual as assertEquals, match, rejects } from "node:assert/strict";
import { type Mail, startMailSink } from "@jangteo/tests/simulators";
import type { EffectAdapter, EffectCall } from "@mesh/actor";
import { ManualClock, UnavailableError } from "@mesh/base";
import {
  type Contact,
  createSmtpNotifier,
  type SendNoticeOutcome,
  type SendNoticeRequest,
  type SmtpOptions,
} from "./smtp.ts";

const unavailable = { code: "dependency.unavailable" };
const request: SendNoticeRequest = { orderId: "o-1", kind: "confirmed", recipientRef: "customer-1" };
const contact: Contact = { email: "mina@example.com", displayName: "Mina Park" };
const messageId = "<notice.confirmed.o-1@jangteo.example>";

const call = (attempt = 1, signal = new AbortController().signal): EffectCall => ({
  idempotencyKey: "k1",
  attempt,
  signal,
});

const optionsOf = (port: number, resolveContact: SmtpOptions["resolveContact"]): SmtpOptions => ({
  host: "127.0.0.1",
  port,
  isTls: false,
  from: { name: "Jangteo", email: "shop@jangteo.example" },
  resolveContact,
});

/** The mail package's pool leaves timers of 100 ms behind when a connection ends; they do nothing once it is closed. */
function noticeTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

interface Bench {
  readonly notices: EffectAdapter<SendNoticeRequest, SendNoticeOutcome>;
  readonly clock: ManualClock;
  switches(switches: Record<string, number>): Promise<void>;
  mails(): Promise<readonly Mail[]>;
  ledger(): Promise<{ readonly notices: readonly { messageIds: readonly string[]; arrivals: number }[] }>;
}

async function withBench(
  use: (bench: Bench) => Promise<void>,
  resolveContact: SmtpOptions["resolveContact"] = () => Promise.resolve(contact),
): Promise<void> {
  const clock = new ManualClock();
  await using sink = await startMailSink({ clock });
  using notifier = createSmtpNotifier(optionsOf(sink.smtpPort, resolveContact));
  await use({
    notices: notifier.effects["send-notice"],
    clock,
    switches: async (switches) => {
      const response = await fetch(`${sink.url}/_simulator/switches`, {
        method: "PUT",
        body: JSON.stringify(switches),
      });
      await response.body?.cancel();
    },
    mails: async () => (await (await fetch(`${sink.url}/mails`)).json()).mails,
    ledger: async () => await (await fetch(`${sink.url}/_simulator/ledger`)).json(),
  });
}

noticeTest("a notice arrives with a Message-ID of its order and kind", () =>
  withBench(async ({ notices, mails }) => {
    const outcome = await notices.perform(request, call());
    const [mail] = await mails();

    assertEquals(outcome, { result: "sent", messageId });
    assertEquals([mail?.messageId, mail?.to, mail?.from, mail?.subject, mail?.orderId, mail?.noticeKind], [
      messageId,
      ["mina@example.com"],
      "shop@jangteo.example",
      "Your order o-1 is confirmed",
      "o-1",
      "confirmed",
    ]);
    match(mail?.text ?? "", /^Hello Mina Park,\n\nThank you for your order\./);
  }));

noticeTest(
  "a name from anywhere in the world arrives as it was written, and adds no header field",
  () =>
    withBench(async ({ notices, mails }) => {
      await notices.perform(request, call());
      const [mail] = await mails();

      match(mail?.text ?? "", /^Hello 박미나 Bcc: all@example\.com,/);
      assertEquals(mail?.to, ["mina@example.com"]);
    }, () => Promise.resolve({ ...contact, displayName: "박미나\r\nBcc: all@example.com" })),
);

noticeTest(
  "a recipient who is unknown, or whose address is no single address, is refused and gets nothing",
  async () => {
    const refused = async (resolved: Contact | undefined) => {
      let outcome: SendNoticeOutcome | undefined;
      await withBench(async ({ notices, mails }) => {
        outcome = await notices.perform(request, call());
        assertEquals(await mails(), []);
      }, () => Promise.resolve(resolved));
      return outcome?.result === "refused" ? outcome.reason : outcome;
    };
    const emails = ["a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com", "<a@example.com>", "nobody"];
    const reasons = await Promise.all([undefined, ...emails.map((email) => ({ ...contact, email }))].map(refused));

    assertEquals(reasons, ["contact_unknown", ...emails.map(() => "address_invalid")]);
  },
);

noticeTest(
  "a notice whose reply is lost is unavailable, and the repeat can be recognised",
  () =>
    withBench(async ({ notices, switches, ledger }) => {
      await switches({ loseAnswerCount: 1 });
      await rejects(notices.perform(request, call(1)), unavailable);
      const outcome = await notices.perform(request, call(2));

      assertEquals(outcome, { result: "sent", messageId });
      assertEquals((await ledger()).notices.map(({ messageIds, arrivals }) => [messageIds, arrivals]), [[
        [messageId],
        2,
      ]]);
    }),
);

noticeTest("a notice that is stored twice can be recognised", () =>
  withBench(async ({ notices, switches, ledger }) => {
    await switches({ duplicateCount: 1 });
    await notices.perform(request, call());

    assertEquals((await ledger()).notices.map(({ messageIds, arrivals }) => [messageIds, arrivals]), [[
      [messageId],
      2,
    ]]);
  }));

noticeTest(
  "a temporary refusal is unavailable and names nobody, and the notice goes through later",
  () =>
    withBench(async ({ notices, switches, mails }) => {
      await switches({ failCount: 1 });
      const error = await notices.perform(request, call(1)).then(() => undefined, (error: Error) => error);
      await notices.perform(request, call(2));

      assertEquals(error?.message, `Cannot send notice "confirmed" of order "o-1": the mail server replied 451`);
      assertEquals((error as UnavailableError | undefined)?.code, "dependency.unavailable");
      assertEquals((await mails()).length, 1);
    }),
);

noticeTest(
  "a refusal for good is an outcome; one of the session is unavailable",
  () =>
    withBench(async ({ notices, switches }) => {
      await switches({ failCount: 1, failStatus: 550 });
      assertEquals(await notices.perform(request, call()), { result: "refused", reason: "smtp_550" });
      for (const failStatus of [503, 535]) {
        await switches({ failCount: 1, failStatus });
        await rejects(notices.perform(request, call()), unavailable);
      }
    }),
);

noticeTest(
  "a slow mail server is unavailable at the deadline",
  () =>
    withBench(async ({ notices, switches, clock, mails }) => {
      await switches({ delayMs: 60_000 });
      const deadline = new AbortController();
      const sent = notices.perform(request, call(1, deadline.signal));
      while (clock.waitingCount === 0) await mails();
      deadline.abort();

      await rejects(sent, unavailable);
    }),
);

noticeTest("nothing is sent while the contact cannot be learned", () =>
  withBench(async ({ notices, mails }) => {
    await rejects(notices.perform(request, call()), unavailable);

    assertEquals(await mails(), []);
  }, () => Promise.reject(new UnavailableError("Cannot resolve contact: users does not answer"))));

noticeTest("a mail server that does not listen is unavailable", async () => {
  const gone = await startMailSink();
  await gone[Symbol.asyncDispose]();
  using notifier = createSmtpNotifier(optionsOf(gone.smtpPort, () => Promise.resolve(contact)));

  await rejects(notifier.effects["send-notice"].perform(request, call()), unavailable);
});
