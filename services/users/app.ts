import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { z } from "zod";
import { errorCode } from "@mesh/base";
import type { InternalEnv, Problem } from "@mesh/runtime";
import type { Accounts } from "./accounts.ts";
import type { AddressVersion } from "./account_store.ts";
import type { TokenPair } from "./sessions.ts";
import type { TokenKeys } from "./token_keys.ts";
import { answerProblem, problemOf } from "./problems.ts";
import { AddressRequest, IdempotencyKey, LoginRequest, RefreshRequest, RegistrationRequest, Uuid } from "./requests.ts";

/** What the routes need. */
export interface UsersAppOptions {
  readonly accounts: Accounts;
  readonly tokenKeys: Pick<TokenKeys, "published">;
  /** Lets in only the services named, by their call tokens: 401 without proof, 403 for others. */
  readonly allow: (...callers: readonly string[]) => MiddlewareHandler<InternalEnv>;
  /** Is told of errors that nobody expected; what it gets may be logged, no request data is in it. */
  readonly onDefect?: (error: unknown) => void;
}

/** The largest request, an address in a script of three bytes a character, has 2 KiB. */
const bodyBytesMax = 16 * 1024;

/**
 * Makes the service's internal HTTP routes.
 *
 * Who may call what stands at each route, so that no order of mounting can change it.
 *
 * @returns An app without a listener.
 */
export function usersApp({ accounts, tokenKeys, allow, onDefect = () => {} }: UsersAppOptions): Hono<InternalEnv> {
  const app = new Hono<InternalEnv>();
  app.use(bodyLimit({
    maxSize: bodyBytesMax,
    onError: (context) => answerProblem(context, tooLarge),
  }));
  app.onError((error, context) => {
    if (["unclassified", "defect"].includes(errorCode(error))) onDefect(error);
    return answerProblem(context, problemOf(error));
  });
  app.notFound((context) => answerProblem(context, notFound));
  addAccountRoutes(app, accounts, allow);
  addSessionRoutes(app, accounts, allow);
  addAddressRoutes(app, accounts, allow);
  app.get("/.well-known/jwks.json", (context) => {
    context.header("cache-control", "public, max-age=300");
    return context.json(tokenKeys.published);
  });
  return app;
}

type UsersApp = Hono<InternalEnv>;
type Allow = UsersAppOptions["allow"];

function addAccountRoutes(app: UsersApp, accounts: Accounts, allow: Allow): void {
  app.post("/v1/accounts", allow("gateway"), async (context) => {
    const body = await readBody(context, RegistrationRequest);
    if (body instanceof Response) return body;
    const registration = await accounts.register(body);
    if (registration.outcome === "accepted") return noStore(context.json({ status: "accepted" }, 202));
    return answerProblem(context, malformed, [{ pointer: "/password", detail: registration.fault }]);
  });

  app.get("/v1/me/:customerId", allow("gateway"), async (context) => {
    const account = await findAccount(context, accounts);
    if (account === undefined) return answerProblem(context, notFound);
    const { customerId, email, displayName, role, registeredAtMs } = account;
    const registeredAt = new Date(registeredAtMs).toISOString();
    return noStore(context.json({ customerId, email, displayName, role, registeredAt }));
  });

  app.get("/v1/contacts", allow("notifications"), async (context) => {
    const customerIds = keysAsked(context, "customer");
    if (customerIds instanceof Response) return customerIds;
    const found = await accounts.findAccounts(customerIds);
    const items = found.map(({ customerId, email, displayName }) => ({ customerId, email, displayName }));
    return noStore(context.json({ items }));
  });
}

function addSessionRoutes(app: UsersApp, accounts: Accounts, allow: Allow): void {
  app.post("/v1/sessions", allow("gateway"), async (context) => {
    const body = await readBody(context, LoginRequest);
    if (body instanceof Response) return body;
    const login = await accounts.logIn(body);
    switch (login.outcome) {
      case "started":
        return tokensResponse(context, login.tokens);
      case "refused":
        return answerProblem(context, wrongCredentials);
      case "throttled":
        return answerProblem(context, { ...tooManyAttempts, retryAfterSeconds: login.retryAfterSeconds });
    }
  });

  app.post("/v1/sessions/refresh", allow("gateway"), async (context) => {
    const body = await readBody(context, RefreshRequest);
    if (body instanceof Response) return body;
    const refreshed = await accounts.refresh(body.refreshToken);
    return refreshed.outcome === "refreshed"
      ? tokensResponse(context, refreshed.tokens)
      : answerProblem(context, sessionOver);
  });

  app.post("/v1/sessions/logout", allow("gateway"), async (context) => {
    const body = await readBody(context, RefreshRequest);
    if (body instanceof Response) return body;
    await accounts.logOut(body.refreshToken);
    return context.body(null, 204);
  });
}

function addAddressRoutes(app: UsersApp, accounts: Accounts, allow: Allow): void {
  app.post("/v1/customers/:customerId/addresses", allow("gateway"), async (context) => {
    const customerId = Uuid.safeParse(context.req.param("customerId"));
    if (!customerId.success) return answerProblem(context, notFound);
    const key = IdempotencyKey.safeParse(context.req.header("idempotency-key"));
    if (!key.success) return answerProblem(context, keyNeeded);
    const body = await readBody(context, AddressRequest);
    if (body instanceof Response) return body;
    const { region, ...postal } = body;
    const address = region === undefined ? postal : { ...postal, region };
    const addition = await accounts.addAddress(customerId.data, address, key.data);
    switch (addition.outcome) {
      case "added":
        return noStore(context.json({ addressRef: addition.addressRef }, 201));
      case "key-reused":
        return answerProblem(context, keyReused);
      case "no-such-customer":
        return answerProblem(context, notFound);
      case "too-many-addresses":
        return answerProblem(context, tooManyAddresses);
    }
  });

  app.get("/v1/customers/:customerId/addresses", allow("gateway"), async (context) => {
    const customerId = Uuid.safeParse(context.req.param("customerId"));
    const addresses = customerId.success ? await accounts.findAddressesOf(customerId.data) : undefined;
    if (addresses === undefined) return answerProblem(context, notFound);
    return noStore(context.json({ items: addresses.map(addressDocument) }));
  });

  app.get("/v1/addresses", allow("shipping"), async (context) => {
    const addressRefs = keysAsked(context, "address");
    if (addressRefs instanceof Response) return addressRefs;
    const found = await accounts.findAddresses(addressRefs);
    return noStore(context.json({ items: found.map(addressDocument) }));
  });
}

/** Fields by name: a column that is added later stays inside. */
function addressDocument({ addressRef, recipient, lines, postalCode, city, region, countryCode }: AddressVersion) {
  return {
    addressRef,
    recipient,
    lines,
    postalCode,
    city,
    ...(region === undefined ? {} : { region }),
    countryCode,
  };
}

async function findAccount(context: Context, accounts: Accounts) {
  const customerId = Uuid.safeParse(context.req.param("customerId"));
  return customerId.success ? await accounts.findAccount(customerId.data) : undefined;
}

/** Keys of one question at most. */
const keysMax = 100;

/**
 * @returns Those that can be the key of something, each once; or the answer that refuses so many. An answer for some of
 * them would say that there are no others.
 */
function keysAsked(context: Context, parameter: string): readonly string[] | Response {
  const keys = new Set(context.req.queries(parameter) ?? []);
  if (keys.size > keysMax) {
    return answerProblem(context, malformed, [{ pointer: "", detail: `has more than ${keysMax} of ${parameter}` }]);
  }
  return [...keys].filter((key) => Uuid.safeParse(key).success);
}

/** @returns What the schema makes of the body, or the answer that refuses it. */
async function readBody<S extends z.ZodType>(context: Context, schema: S): Promise<z.output<S> | Response> {
  const mediaType = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") return answerProblem(context, notJson);
  // Outside the try: a body that turns out too long is the limit's to answer.
  const text = await context.req.text();
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return answerProblem(context, malformed, [{ pointer: "", detail: "is not JSON" }]);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 20).map(({ path, code }) => ({
    pointer: path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
    detail: code,
  }));
  return answerProblem(context, malformed, faults);
}

function tokensResponse(context: Context, tokens: TokenPair): Response {
  return noStore(context.json({ ...tokens }));
}

/** Everything here is somebody's own; no cache on the way may keep it (RFC 6749 5.1 for tokens). */
function noStore(response: Response): Response {
  response.headers.set("cache-control", "no-store");
  return response;
}

const malformed: Problem = { type: "malformed", title: "Request is malformed", status: 400 };
const tooLarge: Problem = { type: "too-large", title: "The request is too large", status: 413 };
const notJson: Problem = { type: "not-json", title: "The body must be application/json", status: 415 };
const keyNeeded: Problem = {
  type: "idempotency-key-needed",
  title: "Header Idempotency-Key is needed: 1 to 128 visible characters",
  status: 400,
};
const keyReused: Problem = {
  type: "idempotency-key-reused",
  title: "The idempotency key was used for another request",
  status: 422,
};
const notFound: Problem = { type: "not-found", title: "Not found", status: 404 };
const wrongCredentials: Problem = { type: "wrong-credentials", title: "E-mail or password is wrong", status: 401 };
const sessionOver: Problem = { type: "session-over", title: "The session is over; log in again", status: 401 };
const tooManyAttempts: Problem = { type: "too-many-attempts", title: "Too many attempts to log in", status: 429 };
const tooManyAddresses: Problem = {
  type: "too-many-addresses",
  title: "This account has as many addresses as it may have",
  status: 409,
};
