import type { EffectAdapter, EffectAdapters, EffectCall } from "@mesh/actor";
import { UnavailableError } from "@mesh/base";
import type { Simulated, SimulatedProcess, Violation } from "@mesh/testing/simulation";

/** What the payment provider knows of one authorisation. */
interface Intent {
  readonly ref: string;
  readonly key: string;
  readonly orderId: string;
  readonly amountMinor: number;
  status: "held" | "captured" | "canceled" | "declined";
  refundedMinor: number;
}

/** What the payment provider did for one order. */
export interface ProviderBooks {
  captures: number;
  capturedMinor: number;
  refundedMinor: number;
  heldMinor: number;
}

interface PaymentRequest {
  readonly orderId: string;
  readonly amountMinor: number;
  readonly paymentMethod: string;
  readonly providerRef?: string;
}

interface NoticeRequest {
  readonly orderId: string;
  readonly kind: string;
  /** Only where somebody counts what he must not. */
  readonly attempt?: number;
}

/** What the outside needs to know of the mesh. */
export interface OutsideWorldOptions {
  readonly simulated: Simulated;
  readonly violate: (violation: Violation) => void;
  /** Whether the effect was committed. */
  readonly isAsked: (effectId: string) => boolean;
}

type Party = "provider" | "carrier" | "mail";

/**
 * Payment provider, carrier and mail server, each behind a network: calls are lost on the way there or back, and take
 * their time. As the real ones do, provider and carrier honour idempotency keys and mail does not.
 */
export class OutsideWorld {
  readonly #options: OutsideWorldOptions;
  readonly #intents: Intent[] = [];
  /** What the carrier has said to each request. */
  readonly #refusedKeys = new Map<string, boolean>();
  readonly captures = new Map<string, number>();
  readonly parcels = new Map<string, Set<string>>();
  /** Distinct message ids by order and kind. */
  readonly notices = new Map<string, Set<string>>();

  constructor(options: OutsideWorldOptions) {
    this.#options = options;
  }

  /** @returns The adapters of a service. */
  adaptersOf(process: SimulatedProcess): EffectAdapters {
    const to = <Request>(
      party: Party,
      perform: (request: Request, key: string) => unknown,
      find?: (request: Request, key: string) => unknown,
    ): EffectAdapter<Request, unknown> => ({
      perform: (request, call) => this.#call(process, party, call, () => perform(request, call.idempotencyKey)),
      ...(find === undefined ? {} : {
        find: (request: Request, call: EffectCall) =>
          this.#call(process, party, call, () => find(request, call.idempotencyKey)),
      }),
    });
    switch (process.service) {
      case "payments":
        return {
          "authorize-payment": to<PaymentRequest>(
            "provider",
            (...asked) => this.#authorize(...asked),
            (_, key) => answerOf(this.#intents.find((intent) => intent.key === key)),
          ),
          "capture-payment": to<PaymentRequest>("provider", (asked) => this.#capture(asked), (asked) => {
            const status = this.#intentOf(asked)?.status;
            return status === "captured" ? { result: "captured" } : undefined;
          }),
          "void-payment": to<PaymentRequest>("provider", (asked) => this.#void(asked)),
          "refund-payment": to<PaymentRequest>("provider", (asked) => this.#refund(asked)),
        };
      case "shipping":
        return { "book-shipment": to<{ orderId: string }>("carrier", (asked, key) => this.#book(asked.orderId, key)) };
      case "notifications":
        return { "send-notice": to<NoticeRequest>("mail", (asked) => this.#send(asked)) };
      default:
        return {};
    }
  }

  /** Whether anything is held or taken for an order. */
  booksOf(orderId: string): ProviderBooks {
    const own = this.#intents.filter((intent) => intent.orderId === orderId);
    const sum = (status: Intent["status"]) =>
      own.reduce((total, intent) => intent.status === status ? total + intent.amountMinor : total, 0);
    return {
      captures: this.captures.get(orderId) ?? 0,
      capturedMinor: sum("captured"),
      refundedMinor: own.reduce((total, { refundedMinor }) => total + refundedMinor, 0),
      heldMinor: sum("held"),
    };
  }

  /** Orders that the provider has ever heard of. */
  get ordersKnown(): ReadonlySet<string> {
    return new Set(this.#intents.map(({ orderId }) => orderId));
  }

  #call(process: SimulatedProcess, party: Party, { signal, idempotencyKey }: EffectCall, act: () => unknown) {
    const { simulated: { scheduler, random, faults, tell }, violate, isAsked } = this.#options;
    if (!isAsked(idempotencyKey.split("#")[0]!)) {
      violate({ rule: "F8", what: `${process.service} called the ${party} for ${idempotencyKey} before its commit` });
    }
    const answer = Promise.withResolvers<unknown>();
    const fail = (state: string) =>
      process.hand(() => answer.reject(new UnavailableError(`Cannot ask ${party}: ${state}`, { dependency: party })));
    signal.addEventListener("abort", () => fail("no answer in time"), { once: true });
    scheduler.after(random.between(1, 40), undefined, () => {
      if (faults.strikes("effect-failed")) return fail("it is away");
      const result = act();
      tell?.(party, `does ${idempotencyKey}: ${JSON.stringify(result)}`, { correlations: [orderOf(idempotencyKey)] });
      if (!process.isDead && faults.strikes("crash")) return process.kill(`after the ${party} has acted`);
      if (faults.strikes("effect-answer-lost")) return fail("the answer was lost");
      const backMs = faults.strikes("effect-slow") ? random.between(500, 15_000) : random.between(1, 40);
      scheduler.after(backMs, process, () => answer.resolve(result));
    });
    return answer.promise;
  }

  #authorize({ orderId, amountMinor, paymentMethod }: PaymentRequest, key: string): unknown {
    const known = this.#intents.find((intent) => intent.key === key);
    if (known !== undefined) return answerOf(known);
    const status = paymentMethod === "pm_declined" ? "declined" : "held";
    const intent: Intent = {
      ref: `pi_${this.#intents.length + 1}${paymentMethod === "pm_uncapturable" ? "_u" : ""}`,
      key,
      orderId,
      amountMinor,
      status,
      refundedMinor: 0,
    };
    this.#intents.push(intent);
    return answerOf(intent);
  }

  #capture(asked: PaymentRequest): unknown {
    const intent = this.#intentOf(asked);
    if (intent === undefined || intent.status === "canceled") return { result: "refused", reason: "canceled" };
    if (intent.ref.endsWith("_u")) return { result: "refused", reason: "expired" };
    if (intent.status === "captured") return { result: "captured" };
    intent.status = "captured";
    const count = (this.captures.get(intent.orderId) ?? 0) + 1;
    this.captures.set(intent.orderId, count);
    if (count > 1) this.#options.violate({ rule: "I5", what: `order ${intent.orderId} was captured ${count} times` });
    return { result: "captured" };
  }

  #void({ orderId, providerRef }: PaymentRequest): unknown {
    for (const intent of this.#intents) {
      const isMeant = providerRef === undefined ? intent.orderId === orderId : intent.ref === providerRef;
      if (isMeant && intent.status === "held") intent.status = "canceled";
    }
    return { result: "voided" };
  }

  #refund(asked: PaymentRequest): unknown {
    const intent = this.#intentOf(asked);
    if (intent !== undefined) intent.refundedMinor = intent.amountMinor;
    return { result: "refunded" };
  }

  #intentOf({ providerRef }: PaymentRequest): Intent | undefined {
    return this.#intents.find(({ ref }) => ref === providerRef);
  }

  #book(orderId: string, key: string): unknown {
    const known = this.#refusedKeys.get(key) ?? this.#options.simulated.random.chance(0.03);
    this.#refusedKeys.set(key, known);
    if (known) return { result: "refused", reason: "no-capacity" };
    const keys = this.parcels.get(orderId) ?? new Set();
    this.parcels.set(orderId, keys.add(key));
    if (keys.size > 1) {
      this.#options.violate({ rule: "I4", what: `the carrier has ${keys.size} parcels of order ${orderId}` });
    }
    return { result: "booked", trackingCode: `T-${orderId.slice(-6)}` };
  }

  #send({ orderId, kind, attempt }: NoticeRequest): unknown {
    const messageId = `<${orderId}.${kind}${attempt === undefined ? "" : `.${attempt}`}@shop>`;
    const name = `${orderId} ${kind}`;
    this.notices.set(name, (this.notices.get(name) ?? new Set()).add(messageId));
    return { result: "sent", messageId };
  }
}

function answerOf(intent: Intent | undefined): unknown {
  if (intent === undefined) return undefined;
  return intent.status === "declined"
    ? { result: "declined", reason: "card_declined" }
    : { result: "authorized", providerRef: intent.ref };
}

/** Effects are named `<service>/<order>@<version>.<index>`. */
function orderOf(effectId: string): string {
  return effectId.slice(effectId.indexOf("/") + 1, effectId.lastIndexOf("@"));
}
