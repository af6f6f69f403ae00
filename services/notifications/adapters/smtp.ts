import type { EffectAdapter } from "@mesh/actor";
import { DefectError, errorText, UnavailableError } from "@mesh/base";
import nodemailer, { type NodemailerError } from "nodemailer";
import { type NoticeKind, noticeMessageId, noticeText } from "./notice_text.ts";

/** Asks for one notice. `recipientRef` names somebody whose address only `users` knows. */
export interface SendNoticeRequest {
  readonly orderId: string;
  readonly kind: NoticeKind;
  readonly recipientRef: string;
}

/** The mail system took the notice, or the recipient cannot be reached. */
export type SendNoticeOutcome =
  | { readonly result: "sent"; readonly messageId: string }
  | { readonly result: "refused"; readonly reason: string };

/** Whom a notice goes to. Personal data: it passes through an effect and stays nowhere. */
export interface Contact {
  readonly email: string;
  readonly displayName: string;
}

/** What the mail adapter works with. */
export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (port 465). Otherwise STARTTLS is used where the server offers it. */
  readonly isTls: boolean;
  readonly credentials?: { readonly user: string; readonly password: string };
  /** The sender, an address of ours; its domain is that of every Message-ID. */
  readonly from: { readonly name: string; readonly email: string };
  /**
   * Fetches a contact from `users`.
   *
   * @returns The contact, or `undefined` if it was erased.
   * @throws {UnavailableError} If `users` does not answer.
   */
  readonly resolveContact: (recipientRef: string, signal: AbortSignal) => Promise<Contact | undefined>;
}

/** The mail effects, by name, over a pool of connections. Disposing it closes them. */
export interface SmtpNotifier extends Disposable {
  readonly effects: { readonly "send-notice": EffectAdapter<SendNoticeRequest, SendNoticeOutcome> };
}

/** Few, because a mail server counts connections per peer, and a notice is in no hurry. */
const connectionsMax = 4;

/** One address and nothing that could make it two, or a header field. Whether it exists, the mail system says. */
const singleAddress = /^[^\s<>,;:"()@\\]{1,64}@[^\s<>,;:"()@\\]{1,255}$/;

/**
 * Replies that refuse the session and not the message: bad sequence (503), credentials (530, 534, 535, 538).
 *
 * RFC 5321 4.2.3 and RFC 4954 6. They can be put right, and the same notice can go through then.
 */
const sessionReplies: ReadonlySet<number> = new Set([503, 530, 534, 535, 538]);

/**
 * Makes the adapter that sends notices by SMTP.
 *
 * It cannot be asked whether a mail was taken (SMTP has no such question), so after a lost reply the same notice is sent
 * again with the same Message-ID: at least once, and recognisable.
 *
 * @param options Where the mail server is, who sends, and how to learn a contact.
 */
export function createSmtpNotifier(options: SmtpOptions): SmtpNotifier {
  const { host, port, isTls, credentials, from, resolveContact } = options;
  const domain = from.email.slice(from.email.lastIndexOf("@") + 1);
  const transport = nodemailer.createTransport({
    host,
    port,
    secure: isTls,
    // Our domain and not the machine's name, which nobody outside needs and which takes a permission to read.
    name: domain,
    pool: true,
    maxConnections: connectionsMax,
    // The effect executor repeats; a queue of its own would send again behind its back.
    maxRequeues: 0,
    ...(credentials === undefined ? {} : { auth: { user: credentials.user, pass: credentials.password } }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    effects: {
      "send-notice": {
        perform: async ({ orderId, kind, recipientRef }, { signal }) => {
          const contact = await resolveContact(recipientRef, signal);
          if (contact === undefined) return { result: "refused", reason: "contact_unknown" };
          if (!singleAddress.test(contact.email)) return { result: "refused", reason: "address_invalid" };
          const messageId = noticeMessageId(kind, orderId, domain);
          try {
            await transport.sendMail({
              ...noticeText(kind, { orderId, displayName: contact.displayName }),
              from: { name: from.name, address: from.email },
              to: { name: contact.displayName, address: contact.email },
              messageId,
              headers: { "Auto-Submitted": "auto-generated", "X-Order-Id": orderId, "X-Notice-Kind": kind },
              signal,
            });
            return { result: "sent", messageId };
          } catch (error) {
            return refusalOf(`send notice "${kind}" of order "${orderId}"`, error);
          }
        },
      },
    },
    [Symbol.dispose]: () => transport.close(),
  };
}

/**
 * Says what a failed sending means.
 *
 * @returns The refusal, if the mail system refused this recipient or message for good (RFC 5321 4.2.1: 5yz).
 * @throws {DefectError} If the adapter is used wrongly.
 * @throws {UnavailableError} In every other case: nobody knows whether the mail was taken, or it may be next time.
 */
function refusalOf(attempted: string, error: unknown): SendNoticeOutcome {
  const { code, responseCode = 0 } = error as Partial<NodemailerError>;
  const isOfMessage = code === "EENVELOPE" || code === "EMESSAGE";
  if (isOfMessage && responseCode >= 500 && !sessionReplies.has(responseCode)) {
    return { result: "refused", reason: `smtp_${responseCode}` };
  }
  // The text of a mail error may hold the recipient's address, which belongs in no log: the reply code must do.
  const found = responseCode > 0 ? `the mail server replied ${responseCode}` : code ?? "the mail server did not reply";
  const details = { cause: code === undefined ? error : new Error(`${code} ${responseCode}`), dependency: "smtp" };
  if (code === "ECONFIG") throw new DefectError(`Cannot ${attempted}: ${errorText(error)}`, details);
  throw new UnavailableError(`Cannot ${attempted}: ${found}`, details);
}
