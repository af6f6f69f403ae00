import { ConflictError, sha256 } from "@mesh/base";
import { accountOf, type GatewayContext } from "./gateway_env.ts";
import { invalidRequest, RefusalError } from "./refusal.ts";
import type { RequestRef, Requests, StoredAnswer } from "./requests.ts";

/** How long a request that another service answers counts as under way, in milliseconds: three times its deadline. */
const claimLeaseMs = 30_000;

/**
 * Reads which write this is.
 *
 * @param asked What is asked, after validation: the same meaning gives the same digest.
 * @throws {RefusalError} 400 if there is no usable `Idempotency-Key`.
 */
export function requestRefOf(context: GatewayContext, asked: unknown): RequestRef {
  const header = context.req.header("idempotency-key");
  // The field is a structured string (draft-ietf-httpapi-idempotency-key-header 2.1); most clients leave the quotes out.
  const key = /^"?([\x21\x23-\x7e]{1,128})"?$/.exec(header ?? "")?.[1];
  if (key === undefined) {
    throw invalidRequest([{
      in: "header",
      pointer: "/idempotency-key",
      detail: header === undefined ? "is required for every write" : "must be 1 to 128 visible characters",
    }]);
  }
  return {
    accountId: accountOf(context).subject,
    key,
    route: `${context.req.method} ${context.req.path}`,
    digest: sha256(JSON.stringify(asked)),
  };
}

/**
 * Answers a write that leads to a command: once by doing it, ever after with the stored answer.
 *
 * The key is looked up only when something stands against the write: its own transaction finds out whether the key is free,
 * and nearly always it is. A refusal may be one of today, of a request that was answered yesterday.
 *
 * @param act Does it, in one transaction with the answer (`Requests.accept`). May refuse; a refusal is not stored.
 * @throws {RefusalError} 422 if the key named something else, 409 if the same is under way.
 */
export async function answerOnce(
  { requests, request }: { readonly requests: Requests; readonly request: RequestRef },
  act: () => Promise<StoredAnswer>,
): Promise<Response> {
  try {
    return answerWith(await act());
  } catch (error) {
    const again = await replay(requests, request);
    if (again !== undefined) return again;
    throw isConflict(error, "request-under-way") ? underWay() : error;
  }
}

/** What another service said to a write that was handed to it. */
export interface ForeignAnswer {
  readonly answer: StoredAnswer;
  /** Address that came with it. */
  readonly addressRef?: string;
}

/**
 * Answers a write that another service carries out. The other is asked twice if this process dies in between, so it must
 * know the request again by its key.
 *
 * @param act Asks the other service; throws when nobody knows what became of it or nothing did.
 */
export async function answerOnceThrough(
  { requests, request }: { readonly requests: Requests; readonly request: RequestRef },
  act: () => Promise<ForeignAnswer>,
): Promise<Response> {
  return await answerOnce({ requests, request }, async () => {
    await requests.claim(request, claimLeaseMs);
    let done: ForeignAnswer;
    try {
      done = await act();
    } catch (error) {
      await requests.release(request);
      throw error;
    }
    await requests.settle(request, done.answer, done.addressRef);
    return done.answer;
  });
}

async function replay(
  requests: Requests,
  { accountId, key, route, digest }: RequestRef,
): Promise<Response | undefined> {
  const known = await requests.find(accountId, key);
  if (known === undefined) return undefined;
  if (known.route !== route || known.digest !== digest) {
    throw new RefusalError({
      status: 422,
      type: "idempotency-key-reused",
      title: "The idempotency key was used for another request",
    });
  }
  // A claim without an answer may be one whose holder has died; the claim itself decides.
  return known.answer === undefined ? undefined : answerWith(known.answer, { "idempotency-replayed": "true" });
}

function answerWith({ status, location, body }: StoredAnswer, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      ...headers,
      ...(location === undefined ? {} : { location }),
      "cache-control": "no-store",
      "content-type": status >= 400 ? "application/problem+json" : "application/json",
    },
  });
}

function underWay(): RefusalError {
  return new RefusalError({
    status: 409,
    type: "request-under-way",
    title: "The same request is being handled at this moment",
    retryAfterSeconds: 1,
  });
}

function isConflict(error: unknown, reason: string): boolean {
  return error instanceof ConflictError && error.reason === reason;
}
