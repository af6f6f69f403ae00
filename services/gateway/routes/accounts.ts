import { z } from "@hono/zod-openapi";
import { describeRoute, jsonBody } from "../described_route.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import type { RouteTable } from "../route_table.ts";
import { text } from "../schemas.ts";
import { Tokens } from "../users_client.ts";

/** Bounds of the wire; `users` judges what is in them. */
const Email = text(254).min(3).openapi({ example: "customer@example.com" });
const Password = text(512).min(1).openapi({ description: "12 to 128 characters for a new one" });
const RefreshRequest = z.strictObject({ refreshToken: z.string().min(1).max(200) }).openapi("RefreshRequest");

const tokensAnswer = { description: "New tokens; the old refresh token is used up", schema: Tokens };

const register = describeRoute({
  method: "post",
  path: "/v1/accounts",
  scope: "public",
  tag: "Accounts",
  summary: "Registers an account",
  description: "The answer is the same whether the e-mail is taken or not.",
  request: {
    body: jsonBody(
      z.strictObject({ email: Email, password: Password, displayName: text(160).min(1) }).openapi("Registration"),
    ),
  },
  answers: { 202: { description: "Taken note of", schema: z.object({ status: z.literal("accepted") }) } },
});

const logIn = describeRoute({
  method: "post",
  path: "/v1/sessions",
  scope: "public",
  tag: "Sessions",
  summary: "Logs in",
  request: { body: jsonBody(z.strictObject({ email: Email, password: Password }).openapi("Login")) },
  answers: { 200: tokensAnswer },
  problems: [401],
});

const refresh = describeRoute({
  method: "post",
  path: "/v1/sessions/refresh",
  scope: "public",
  tag: "Sessions",
  summary: "Exchanges a refresh token, once",
  description: "A second use of the same token ends the whole session.",
  request: { body: jsonBody(RefreshRequest) },
  answers: { 200: tokensAnswer },
  problems: [401],
});

const logOut = describeRoute({
  method: "delete",
  path: "/v1/sessions",
  scope: "public",
  tag: "Sessions",
  summary: "Logs out: ends the session of a refresh token",
  description: "The refresh token is the proof; the answer is the same for one that nobody knows.",
  request: { body: jsonBody(RefreshRequest) },
  answers: { 204: { description: "The session is over" } },
});

/** Routes for people who have no access token yet. */
export function addAccountRoutes(table: RouteTable, { users }: Pick<GatewayParts, "users">): void {
  table.add(register, async (context) => {
    await users.register(context.req.valid("json"));
    context.header("cache-control", "no-store");
    return context.json({ status: "accepted" }, 202);
  });

  table.add(logIn, async (context) => {
    const tokens = await users.logIn({ ...context.req.valid("json"), clientIp: context.get("clientIp") });
    // RFC 6749 5.1: no cache may keep tokens.
    context.header("cache-control", "no-store");
    return context.json(tokens, 200);
  });

  table.add(refresh, async (context) => {
    const tokens = await users.refresh(context.req.valid("json").refreshToken);
    context.header("cache-control", "no-store");
    return context.json(tokens, 200);
  });

  table.add(logOut, async (context) => {
    await users.logOut(context.req.valid("json").refreshToken);
    return context.body(null, 204);
  });
}
