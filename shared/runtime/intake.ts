import type { Received } from "@mesh/actor";
import { type Clock, errorText, type IdSource, MeshError, sha256 } from "@mesh/base";
import type { Delivery } from "@mesh/broker";
import { causeOf, type Envelope, type Verifier, verifyEnvelope, verifyWithRefresh } from "@mesh/envelope";
import type { DeadLetterEntry, HeldMessage, ParkedMessage } from "@mesh/store";
import type { Meter } from "./meter.ts";
import { dispositionOf } from "./disposition.ts";
import type { Work } from "./work.ts";

/** A message that was refused before its turn, with the row that keeps it. */
export interface Refusal {
  readonly deadLetter: DeadLetterEntry;
  readonly partition: number;
  /** Where it had been parked when it was refused. */
  readonly parked?: ParkedMessage;
  /** Lane that it held up when it was refused. */
  readonly headOf?: string;
}

/** Header that counts attempts; ours, because the broker's own count means different things on different versions. */
export const attemptHeader = "mesh-attempt";

/** Header of a command that its sender sends again because no answer has come. */
export const resentHeader = "mesh-resent";

/** Body bytes that a dead letter keeps. */
const keptBytesMax = 48 * 1024;

/** What intake needs. */
export interface IntakeOptions {
  readonly service: string;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly meter: Meter;
  /** Opens the span of a message: given the headers of the delivery, returns those to carry on. */
  readonly continueTrace?: (
    envelope: Envelope,
    headers: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, string>>;
}

/** Turns what the broker and the feeds bring into proven work, or into quarantine. */
export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /**
   * Proves deliveries, in their order.
   *
   * @throws {UnavailableError} If the key directory is away and a key is unknown; never for what a message can be.
   */
  async receive(deliveries: readonly Delivery[]): Promise<{ works: readonly Work[]; refusals: readonly Refusal[] }> {
    const works: Work[] = [];
    const refusals: Refusal[] = [];
    for (const delivery of deliveries) {
      const attempt = attemptOf(delivery);
      const partition = partitionOf(delivery.queue);
      try {
        const envelope = await this.#prove(delivery.body, delivery);
        works.push(this.#workOf(envelope, {
          attempt,
          partition,
          returnTo: delivery.queue,
          userId: delivery.userId ?? "",
          headers: delivery.headers,
          isSuspect: delivery.isRedelivered || attempt > 1 || delivery.headers[resentHeader] !== undefined,
        }));
      } catch (error) {
        // Nobody can tell now (the key directory is away): the whole batch is held and tried again.
        if (dispositionOf(error).verdict === "retry") throw error;
        refusals.push({ deadLetter: this.#deadLetterOf(delivery, attempt, error), partition });
      }
    }
    return { works, refusals };
  }

  /**
   * Proves an envelope that a feed handed out.
   *
   * @param returnTo Queue that a retry goes to.
   * @throws {TrustError | ContractError} If it is not what it claims to be.
   */
  async admit(token: string, returnTo: string): Promise<Work> {
    const envelope = await this.#prove(token, undefined);
    const partition = partitionOf(returnTo);
    return this.#workOf(envelope, { attempt: 1, partition, returnTo, userId: "", headers: {}, isSuspect: true });
  }

  /**
   * Proves an envelope as {@link admit} does, at once and with the keys that are known: of thousands in a row a promise for
   * each costs more than much of the proof.
   *
   * @throws {TrustError} As {@link admit}; with reason `unknown-key` where reading the keys again may help.
   * @throws {ContractError} As {@link admit}.
   */
  prove(token: string): Envelope {
    return verifyEnvelope(token, this.#options.verifier);
  }

  /** Refuses a message of a lane that cannot be proven any more: its key was withdrawn, or somebody changed the table. */
  refuseHeld(held: HeldMessage, error: unknown): Refusal {
    const { envelope, queue, attempt } = held;
    const deadLetter = this.#deadLetterOf({ ...held, body: new TextEncoder().encode(envelope) }, attempt, error);
    return { deadLetter, partition: partitionOf(queue) };
  }

  async #prove(body: Uint8Array | string, delivery: Delivery | undefined): Promise<Envelope> {
    const { verifier } = this.#options;
    return await verifyWithRefresh(
      body,
      verifier,
      delivery === undefined ? undefined : {
        messageId: delivery.messageId,
        type: delivery.type,
        userId: delivery.userId,
        exchange: delivery.exchange,
      },
    );
  }

  #workOf(
    envelope: Envelope,
    way: Pick<Work, "attempt" | "partition" | "returnTo" | "userId" | "headers" | "isSuspect">,
  ): Work {
    const { claims } = envelope;
    const received: Received = {
      id: claims.jti,
      kind: envelope.kind,
      type: envelope.type,
      version: envelope.version,
      key: envelope.key,
      correlation: claims.cor,
      re: claims.re ?? [],
      recordedAtMs: claims.iat * 1000,
      data: envelope.data,
    };
    const work: { -readonly [Name in keyof Work]: Work[Name] } = {
      ...way,
      headers: this.#options.continueTrace?.(envelope, way.headers) ?? traceOf(way.headers),
      received,
      issuer: claims.iss,
      subject: claims.sub,
      digest: envelope.hash,
      token: envelope.token,
      undoes: claims.undoes ?? [],
    };
    if (claims.n !== undefined) work.position = claims.n;
    if (claims.exp !== undefined) work.expiresAtMs = claims.exp * 1000;
    const cause = causeOf(claims);
    if (cause !== undefined) work.cause = cause;
    return work;
  }

  #deadLetterOf(
    delivery: Pick<Delivery, "messageId" | "type" | "queue" | "userId" | "headers" | "body">,
    attempts: number,
    error: unknown,
  ): DeadLetterEntry {
    const disposition = dispositionOf(error);
    const isDead = disposition.verdict === "dead";
    this.#options.meter.refused(disposition.reason);
    return {
      id: this.#options.ids.next(),
      messageId: delivery.messageId ?? "",
      type: delivery.type ?? "",
      class: isDead ? disposition.class : "defect",
      reason: error instanceof MeshError ? error.reason : disposition.reason,
      detail: errorText(error),
      attempts,
      queue: delivery.queue,
      userId: delivery.userId ?? "",
      correlation: "",
      ...keptBody(delivery.body),
      headers: delivery.headers,
    };
  }
}

/** @returns The first 48 KiB and the digest of the whole. */
export function keptBody(body: Uint8Array): Pick<DeadLetterEntry, "body" | "bodyBytes" | "digest"> {
  return {
    body: body.subarray(0, keptBytesMax).toBase64(),
    bodyBytes: body.length,
    digest: sha256(body),
  };
}

/** @returns Trace headers among others. */
export function traceOf(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { traceparent, tracestate } = headers;
  return {
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** @returns Attempts begun with this delivery, from 1. A broken header counts as the first. */
function attemptOf({ headers }: Delivery): number {
  const value = Number(headers[attemptHeader] ?? "1");
  return Number.isInteger(value) && value >= 1 && value < 1000 ? value : 1;
}

/** @returns The partition in a mailbox's name, `<service>.in.p<k>`; 0 for any other queue. */
function partitionOf(queue: string): number {
  const match = /\.in\.p(\d+)$/.exec(queue);
  return match === null ? 0 : Number(match[1]);
}
