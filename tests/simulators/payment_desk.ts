import type { Clock, IdSource } from "@mesh/base";
import { createKeyStore, type KeyRecord } from "./idempotency.ts";
import type { Journal } from "./journal.ts";
import { type ApiAnswer, apiError, invalidRequest } from "./payment_answers.ts";
import { type BookEntry, createPaymentBooks, type PaymentBooks } from "./payment_books.ts";
import type { Form } from "./payment_form.ts";
import { authorizeIntent, type Desk, failIntent, type Operation, type Settled } from "./payment_operations.ts";

/** One line of the provider's journal: what a request did and what it was answered with, together or not at all. */
export interface PaymentLine {
  readonly entries: readonly BookEntry[];
  readonly key?: KeyRecord;
}

/** A request that changes something. */
export interface Write {
  readonly operation: Operation;
  /** The intent in the path; empty where there is none. */
  readonly id: string;
  readonly form: Form;
  /** Method, path and parameters. */
  readonly fingerprint: string;
  readonly idempotencyKey: string | undefined;
}

/** What a write came to. */
export interface Reply {
  readonly answer: ApiAnswer;
  /** Whether it is the stored answer of an earlier request with the same key. */
  readonly isReplay: boolean;
  readonly isAnswerLost: boolean;
}

/** What the desk is made of. */
export interface PaymentDeskOptions {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly journal: Journal<PaymentLine>;
  /** How long the network of a card that hangs takes, in milliseconds. */
  readonly slowCardMs: () => number;
  /** Whether the next execution breaks half-way: nothing done, a 500 stored under its key. */
  readonly breaks: () => boolean;
}

/** Performs writes under Stripe's rules of idempotency. */
export interface PaymentDesk {
  readonly books: PaymentBooks;
  perform(write: Write): Promise<Reply>;
  reset(): void;
  /** Ends every wait for a card network; what hangs is settled when the journal is read again. */
  close(): void;
}

/**
 * Opens the desk on its journal: the books and keys are as they were, and a confirmation that was cut off has failed.
 *
 * @param options What it works with.
 */
export function openPaymentDesk(options: PaymentDeskOptions): PaymentDesk {
  const { clock, ids, journal } = options;
  const books = createPaymentBooks();
  const keys = createKeyStore();
  const closing = new AbortController();
  let entries: BookEntry[] = [];
  const desk: Desk = {
    books,
    clock,
    ids,
    record: (entry) => {
      books.apply(entry);
      entries.push(entry);
    },
  };

  const commit = (key?: KeyRecord) => {
    const line = { entries, ...(key === undefined ? {} : { key }) };
    entries = [];
    if (key !== undefined) keys.put(key);
    if (line.entries.length > 0 || key !== undefined) journal.append(line);
  };
  const settle = (write: Write, outcome: Settled): Reply => {
    commit(isStored(outcome.answer) ? keyRecord(write, clock, outcome.answer) : undefined);
    return { answer: outcome.answer, isReplay: false, isAnswerLost: outcome.isAnswerLost ?? false };
  };
  const wait = async (write: Write, intentId: string): Promise<Reply> => {
    commit(keyRecord(write, clock));
    await clock.delay(options.slowCardMs(), closing.signal);
    if (closing.signal.aborted || books.findIntent(intentId) === undefined) {
      return { answer: apiError(500), isReplay: false, isAnswerLost: true };
    }
    const outcome = authorizeIntent(desk, intentId);
    return "answer" in outcome ? settle(write, outcome) : wait(write, intentId);
  };

  restore(journal.lines, desk, keys.put);
  for (const record of keys.unfinished()) {
    const intentId = pendingIntentId(journal.lines, record.key);
    const outcome = intentId === undefined ? { answer: apiError(500) } : failIntent(desk, intentId);
    if ("answer" in outcome) commit({ ...record, answer: storedAnswer(outcome.answer) });
  }

  return {
    books,
    perform: (write) => {
      const known = write.idempotencyKey === undefined ? undefined : keys.find(write.idempotencyKey, clock.nowMs());
      if (known !== undefined) return Promise.resolve(replay(known, write));
      if (options.breaks()) return Promise.resolve(settle(write, { answer: apiError(500) }));
      const outcome = write.operation(desk, write.form, write.id);
      if ("pendingIntentId" in outcome) return wait(write, outcome.pendingIntentId);
      return Promise.resolve(settle(write, outcome));
    },
    reset: () => {
      books.clear();
      keys.clear();
      journal.reset();
    },
    close: () => closing.abort(),
  };
}

function restore(lines: readonly PaymentLine[], desk: Desk, putKey: (record: KeyRecord) => void): void {
  for (const { entries, key } of lines) {
    entries.forEach((entry) => desk.books.apply(entry));
    if (key !== undefined) putKey(key);
  }
}

function pendingIntentId(lines: readonly PaymentLine[], key: string): string | undefined {
  const started = lines.find((line) => line.key?.key === key)?.entries[0];
  return started?.kind === "intent-created" ? started.intent.id : undefined;
}

function replay(known: KeyRecord, write: Write): Reply {
  const reply = (answer: ApiAnswer, isReplay = false): Reply => ({ answer, isReplay, isAnswerLost: false });
  if (known.fingerprint !== write.fingerprint) {
    const message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
    return reply({ status: 400, body: { error: { type: "idempotency_error", message } } });
  }
  if (known.answer === undefined) {
    const message = "There is currently another in-progress request using this idempotency key.";
    return reply({ ...invalidRequest({ code: "idempotency_key_in_use", message }), status: 409 });
  }
  return reply({ status: known.answer.status, body: JSON.parse(known.answer.body) }, true);
}

/** Stripe stores every answer once a request began to execute, errors too, but not those of a request that is malformed. */
function isStored({ status, body }: ApiAnswer): boolean {
  const isMalformed = status === 400 && (body.error as { param?: string } | undefined)?.param !== undefined;
  return status !== 404 && !isMalformed;
}

function keyRecord(write: Write, clock: Clock, answer?: ApiAnswer): KeyRecord | undefined {
  if (write.idempotencyKey === undefined) return undefined;
  return {
    key: write.idempotencyKey,
    fingerprint: write.fingerprint,
    atMs: clock.nowMs(),
    ...(answer === undefined ? {} : { answer: storedAnswer(answer) }),
  };
}

function storedAnswer({ status, body }: ApiAnswer): { readonly status: number; readonly body: string } {
  return { status, body: JSON.stringify(body) };
}
