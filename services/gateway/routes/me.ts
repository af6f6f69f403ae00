import { z } from "@hono/zod-openapi";
import { describeRoute, jsonBody } from "../described_route.ts";
import { answerWithEtag } from "../etag.ts";
import { accountOf } from "../gateway_env.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import { answerOnceThrough, requestRefOf } from "../idempotency.ts";
import type { RouteTable } from "../route_table.ts";
import { Id, text, WriteHeaders } from "../schemas.ts";
import { Addresses, Profile } from "../users_client.ts";

const readProfile = describeRoute({
  method: "get",
  path: "/v1/me",
  scope: "shop",
  tag: "Me",
  summary: "Shows the account of the access token",
  answers: { 200: { description: "The account", schema: Profile }, 304: { description: "As known" } },
});

const listAddresses = describeRoute({
  method: "get",
  path: "/v1/me/addresses",
  scope: "shop",
  tag: "Me",
  summary: "Lists the account's addresses",
  answers: { 200: { description: "All of them", schema: Addresses }, 304: { description: "As known" } },
});

const line = text(200).min(1);

const addAddress = describeRoute({
  method: "post",
  path: "/v1/me/addresses",
  scope: "shop",
  tag: "Me",
  summary: "Adds an address",
  description: "An address never changes; a corrected one is a new one with a reference of its own.",
  request: {
    headers: WriteHeaders,
    body: jsonBody(
      z.strictObject({
        recipient: line,
        lines: z.array(line).min(1).max(3),
        postalCode: text(32).min(1),
        city: line,
        region: line.optional(),
        countryCode: z.string().regex(/^[A-Z]{2}$/, "must be two capital letters (ISO 3166-1)"),
      }).openapi("NewAddress"),
    ),
  },
  answers: { 201: { description: "The address is there", schema: z.object({ addressRef: Id }) } },
  problems: [409, 422],
});

/** Routes about the account of the access token. */
export function addMeRoutes(table: RouteTable, { users, requests }: Pick<GatewayParts, "users" | "requests">): void {
  table.add(
    readProfile,
    async (context) => answerWithEtag(context, await users.readProfile(accountOf(context).subject)),
  );

  table.add(listAddresses, async (context) => {
    const { subject } = accountOf(context);
    const addresses = await users.listAddresses(subject);
    await requests.noteAddresses(subject, addresses.items.map(({ addressRef }) => addressRef));
    return answerWithEtag(context, addresses);
  });

  table.add(addAddress, async (context) => {
    const form = context.req.valid("json");
    const { subject } = accountOf(context);
    const request = requestRefOf(context, form);
    return await answerOnceThrough({ requests, request }, async () => {
      const addressRef = await users.addAddress(subject, form, request.key);
      return { answer: { status: 201, body: { addressRef } }, addressRef };
    });
  });
}
