import { z } from "@hono/zod-openapi";
import { UnavailableError } from "@mesh/base";
import type { PeerClient } from "@mesh/runtime";
import { RefusalError } from "./refusal.ts";
import { Id } from "./schemas.ts";

/** What a login or a refresh gives. */
export const Tokens = z.object({
  accessToken: z.string().max(4_096),
  refreshToken: z.string().max(500),
  expiresInSeconds: z.int().min(1),
  tokenType: z.literal("Bearer"),
}).openapi("Tokens");

/** Who somebody is, as they themselves see it. */
export const Profile = z.object({
  customerId: Id,
  email: z.string(),
  displayName: z.string(),
  role: z.string(),
  registeredAt: z.string(),
}).openapi("Profile");

/** One immutable version of an address. */
export const Address = z.object({
  addressRef: Id,
  recipient: z.string(),
  lines: z.array(z.string()),
  postalCode: z.string(),
  city: z.string(),
  region: z.string().optional(),
  countryCode: z.string(),
}).openapi("Address");

export const Addresses = z.object({ items: z.array(Address) }).openapi("Addresses");

/** The service that keeps accounts and addresses, as the gateway needs it. */
export interface UsersClient {
  register(form: Readonly<Record<string, unknown>>): Promise<void>;
  logIn(form: Readonly<Record<string, unknown>>): Promise<z.output<typeof Tokens>>;
  refresh(refreshToken: string): Promise<z.output<typeof Tokens>>;
  logOut(refreshToken: string): Promise<void>;
  readProfile(customerId: string): Promise<z.output<typeof Profile>>;
  /** @param key Sent on: a repeat of the same is the same address. */
  addAddress(customerId: string, form: Readonly<Record<string, unknown>>, key: string): Promise<string>;
  listAddresses(customerId: string): Promise<z.output<typeof Addresses>>;
  /** Public keys of access tokens, as a JWKS. */
  readJwks(): Promise<unknown>;
}

/** Longest answer that is read, in characters. */
const answerCharsMax = 256 * 1024;

/**
 * Asks `users` over its internal port. Refusals of requests pass to the client as they are; everything else that is not
 * as agreed counts as `users` being away.
 *
 * @param peers Signs the calls.
 */
export function usersClient(peers: PeerClient): UsersClient {
  const ask = async <S extends z.ZodType>(path: string, schema: S, init: RequestInit = {}): Promise<z.output<S>> => {
    const response = await peers.call("users", path, init);
    const document = await readJson(response);
    if (!response.ok) throw refusalFrom(response, document);
    const parsed = schema.safeParse(document);
    if (!parsed.success) throw away(`an unexpected body with status ${response.status}`);
    return parsed.data;
  };
  const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return {
    register: async (form) => {
      await ask("/v1/accounts", z.unknown(), post(form));
    },
    logIn: (form) => ask("/v1/sessions", Tokens, post(form)),
    refresh: (refreshToken) => ask("/v1/sessions/refresh", Tokens, post({ refreshToken })),
    logOut: async (refreshToken) => {
      await ask("/v1/sessions/logout", z.unknown(), post({ refreshToken }));
    },
    readProfile: (customerId) => ask(`/v1/me/${customerId}`, Profile),
    addAddress: async (customerId, form, key) => {
      const init = post(form, { "idempotency-key": key });
      return (await ask(`/v1/customers/${customerId}/addresses`, z.object({ addressRef: Id }), init)).addressRef;
    },
    listAddresses: (customerId) => ask(`/v1/customers/${customerId}/addresses`, Addresses),
    readJwks: () => ask("/.well-known/jwks.json", Jwks),
  };
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return null;
  if (text.length > answerCharsMax) throw away("a body that is too long");
  try {
    return JSON.parse(text);
  } catch {
    throw away("a body that is no JSON");
  }
}

/** What the client has done wrong is told; what we have done wrong is not. */
function refusalFrom(response: Response, document: unknown): Error {
  const { status } = response;
  const problem = ForeignProblem.safeParse(document);
  if (!passed.has(status) || !problem.success) return away(`status ${status}`);
  const { type, title, errors } = problem.data;
  const retryAfterSeconds = Number(response.headers.get("retry-after"));
  return new RefusalError({
    status,
    type,
    title,
    ...(Number.isInteger(retryAfterSeconds) && retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
  }, { faults: errors });
}

function away(found: string): UnavailableError {
  return new UnavailableError(`Cannot use the answer of "users": ${found}`, { dependency: "users" });
}

/** A 401 of our own call token is our fault; a wrong password is told by its type. */
const passed = new Set([400, 401, 404, 409, 422, 429]);

const ForeignProblem = z.object({
  type: z.string().max(100).regex(/^urn:jangteo:problem:[a-z-]+$/).transform((type) =>
    type.slice(type.lastIndexOf(":") + 1)
  ),
  title: z.string().max(200),
  errors: z.array(z.object({ pointer: z.string().max(200), detail: z.string().max(200) })).max(20).default([]),
}).refine(({ type }) => type !== "unauthenticated" && type !== "not-allowed");

/** Only what verifiers need: a private member would not get out. */
const Jwks = z.object({
  keys: z.array(z.object({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z.string(),
    kid: z.string(),
    alg: z.string().optional(),
    use: z.string().optional(),
  })).max(16),
});
