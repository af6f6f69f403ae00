import { type Clock, type IdSource, systemClock, systemIds } from "@mesh/base";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { mountControls } from "./controls.ts";
import { droppedAnswer, type RunningServer, serveHttp } from "./http_server.ts";
import { type Intake, openIntake, type SimulatorOptions } from "./intake.ts";
import { openJournal } from "./journal.ts";
import { type ApiAnswer, apiError, intentBody, invalidRequest, notFound, refundBody } from "./payment_answers.ts";
import type { Intent } from "./payment_books.ts";
import { openPaymentDesk, type PaymentDesk, type PaymentLine, type Write } from "./payment_desk.ts";
import { parseForm, parseSearch, textOf, textsOf, wholeNumberOf } from "./payment_form.ts";
import { cancelIntent, captureIntent, createIntent, createRefund, type Operation } from "./payment_operations.ts";
import { createSwitchboard, type Switchboard, switchesSchema } from "./switches.ts";

const paymentSwitches = switchesSchema.extend({
  /** The next so many writes break half-way: nothing is done, and their key answers 500 for ever, as Stripe's does. */
  stickyFailCount: z.int().min(0).max(1_000_000).default(0),
  /** A search finds an intent only when it is this old: 0 to 3,600,000 ms. Stripe's index lags up to a minute. */
  searchLagMs: z.int().min(0).max(3_600_000).default(0),
  /** How long the network of `pm_card_slow` takes; by default longer than any step of a saga waits. */
  slowCardMs: z.int().min(0).max(86_400_000).default(3_600_000),
});

/** The switches of the payment provider. */
export type PaymentSwitches = z.output<typeof paymentSwitches>;

interface Provider {
  readonly desk: PaymentDesk;
  readonly switchboard: Switchboard<PaymentSwitches>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly intake: Intake;
}

/**
 * Starts the payment provider: the few routes of Stripe's API that the shop uses, with its rules of idempotency.
 *
 * `/_simulator` shows and changes it: `GET` and `PUT switches`, `GET ledger?order=`, `DELETE state`.
 *
 * @param options Port, clock, randomness and the file that keeps the provider's truth.
 * @returns The listening server.
 * @throws {ConfigError} If the port cannot be bound.
 * @throws {Error} If the journal is broken.
 */
export async function startPaymentProvider(options: SimulatorOptions = {}): Promise<RunningServer> {
  const { clock = systemClock, random = Math.random } = options;
  const ids = options.ids ?? systemIds(clock);
  const journal = openJournal<PaymentLine>(options.journalPath);
  const switchboard = createSwitchboard(paymentSwitches, random);
  const desk = openPaymentDesk({
    clock,
    ids,
    journal,
    slowCardMs: () => switchboard.read().slowCardMs,
    breaks: () => switchboard.use("stickyFailCount"),
  });
  const intake = openIntake(switchboard, clock);
  const app = providerApp({ desk, switchboard, clock, ids, intake });
  const server = await serveHttp(app.fetch, options.port ?? 0, options.host).catch((error) => {
    journal[Symbol.dispose]();
    throw error;
  });
  return {
    ...server,
    [Symbol.asyncDispose]: async () => {
      intake.close();
      desk.close();
      await server[Symbol.asyncDispose]();
      journal[Symbol.dispose]();
    },
  };
}

function providerApp(provider: Provider): Hono {
  const { desk, switchboard, intake } = provider;
  const app = new Hono();
  mountControls(app, {
    switchboard,
    ledger: (orderId) => ({ ...desk.books.ledger(orderId), requests: intake.counts() }),
    reset: () => {
      desk.reset();
      intake.reset();
    },
  });
  app.use("/v1/*", async (c, next) => {
    // Any secret test key will do; none at all is answered as Stripe answers it.
    if (/^Bearer sk_/.test(c.req.header("authorization") ?? "")) return await next();
    return send(provider, c, { ...invalidRequest({ message: "You did not provide an API key." }), status: 401 });
  });
  mountWrites(app, provider);
  mountReads(app, provider);
  app.notFound((c) => send(provider, c, notFound("route", `${c.req.method} ${c.req.path}`)));
  return app;
}

function mountWrites(app: Hono, provider: Provider): void {
  const write = (path: string, operation: Operation) =>
    app.post(path, async (c) => {
      const encoded = await c.req.text();
      return perform(provider, c, {
        operation,
        id: c.req.param("id") ?? "",
        form: parseForm(encoded),
        fingerprint: `POST ${c.req.path} ${encoded}`,
        idempotencyKey: c.req.header("idempotency-key"),
      });
    });
  write("/v1/payment_intents", createIntent);
  write("/v1/payment_intents/:id/capture", captureIntent);
  write("/v1/payment_intents/:id/cancel", cancelIntent);
  write("/v1/refunds", createRefund);
}

async function perform(provider: Provider, c: Context, write: Write): Promise<Response> {
  const { desk, intake } = provider;
  const fate = intake.deal(true);
  if (fate.failStatus !== undefined) return send(provider, c, apiError(fate.failStatus));
  if (fate.isDuplicated) {
    // Nobody reads this delivery's answer, and it may hang, so the one that is answered does not wait for it.
    desk.perform(write);
  }
  const reply = await desk.perform(write);
  if (reply.isReplay) intake.count("replayed");
  await intake.holdBack(fate);
  if (reply.isAnswerLost || fate.isAnswerLost) {
    intake.count("answersLost");
    return droppedAnswer();
  }
  if (reply.isReplay) c.header("idempotent-replayed", "true");
  if (write.idempotencyKey !== undefined) c.header("idempotency-key", write.idempotencyKey);
  return send(provider, c, reply.answer);
}

function mountReads(app: Hono, provider: Provider): void {
  const { desk: { books }, intake } = provider;
  const read = (path: string, answer: (c: Context, query: string) => ApiAnswer) =>
    app.get(path, async (c) => {
      const fate = intake.deal(false);
      if (fate.failStatus !== undefined) return send(provider, c, apiError(fate.failStatus));
      await intake.holdBack(fate);
      return send(provider, c, answer(c, new URL(c.req.url).search.slice(1)));
    });
  read("/v1/payment_intents/search", (_c, query) => searchIntents(provider, query));
  read("/v1/payment_intents", (_c, query) => listIntents(books.intents(), query));
  read("/v1/payment_intents/:id", (c) => {
    const intent = books.findIntent(c.req.param("id") ?? "");
    if (intent === undefined) return notFound("payment_intent", c.req.param("id") ?? "");
    return { status: 200, body: intentBody(intent) };
  });
  read("/v1/refunds", (_c, query) => {
    const refunds = books.refundsOf(textOf(parseForm(query), "payment_intent") ?? "");
    return {
      status: 200,
      body: { object: "list", url: "/v1/refunds", has_more: false, data: refunds.map(refundBody) },
    };
  });
}

function searchIntents({ desk, switchboard, clock }: Provider, query: string): ApiAnswer {
  const clause = parseSearch(textOf(parseForm(query), "query") ?? "");
  if (clause === undefined) {
    return invalidRequest({ param: "query", message: "This simulator only searches metadata." });
  }
  const indexedUntilMs = clock.nowMs() - switchboard.read().searchLagMs;
  const found = desk.books.intentsWith(clause.name, clause.value).filter((intent) =>
    intent.createdAtMs <= indexedUntilMs
  );
  const data = found.slice(0, limitOf(query)).map(intentBody);
  return {
    status: 200,
    body: { object: "search_result", url: "/v1/payment_intents/search", has_more: data.length < found.length, data },
  };
}

function listIntents(newestFirst: readonly Intent[], query: string): ApiAnswer {
  const form = parseForm(query);
  const sinceMs = Number(textsOf(form, "created").gte ?? 0) * 1000;
  const after = textOf(form, "starting_after");
  const rest = after === undefined
    ? newestFirst
    : newestFirst.slice(newestFirst.findIndex(({ id }) => id === after) + 1);
  const matching = rest.filter(({ createdAtMs }) => createdAtMs >= sinceMs);
  const data = matching.slice(0, limitOf(query)).map(intentBody);
  return {
    status: 200,
    body: { object: "list", url: "/v1/payment_intents", has_more: data.length < matching.length, data },
  };
}

/** Stripe's page size: 10 by default, 100 at most. */
function limitOf(query: string): number {
  return Math.min(wholeNumberOf(parseForm(query), "limit") ?? 10, 100);
}

function send({ ids }: Provider, c: Context, { status, body }: ApiAnswer): Response {
  c.header("request-id", `req_${ids.next().replaceAll("-", "")}`);
  return c.json(body, status as 200);
}
