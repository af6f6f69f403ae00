import { z } from "@hono/zod-openapi";

/** UUIDs in lower case: two spellings of one id would be two things. */
export const Id = z.uuid().regex(/^[^A-Z]*$/, "must be lower case");

/** Stock-keeping unit. */
export const Sku = z.string().regex(/^[A-Z]{3}-\d{4}$/, "must look like TEA-0001");

/** Items on one page of a list. */
export const Limit = z.coerce.number().int().min(1).max(100).default(50);

/** Where a list goes on; from the answer before. */
export const Cursor = z.string().min(1).max(200);

/** Text for people. A lone surrogate cannot be signed, so it is refused here. */
export function text(charsMax: number) {
  return z.string().max(charsMax).refine((value) => value.isWellFormed(), "must be well-formed Unicode");
}

/** Names a write, so that it can be repeated; the sender draws it. Visible ASCII, quotes around it are ignored. */
export const IdempotencyKey = z.string().openapi({
  description: "Names this write, so that repeating it has no second effect: draw a new UUID per write",
  example: "0190163d-8694-739b-aea5-966c26f8ad90",
});

/** Header schema of every write by somebody signed in; whether the key is there is checked with the account. */
export const WriteHeaders = z.object({ "idempotency-key": IdempotencyKey.optional() });

/** Answer to a command that was taken and not carried out yet. */
export const CommandAccepted = z.object({
  commandId: z.uuid().openapi({ description: "Message id of the signed command" }),
  status: z.literal("accepted"),
}).openapi("CommandAccepted");
