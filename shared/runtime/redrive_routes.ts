import type { Cause } from "@mesh/actor";
import { redriveItemStates } from "@mesh/store";
import { Hono } from "hono";
import { z } from "zod";
import type { InternalEnv } from "./internal_app.ts";
import { problemResponse } from "./problem.ts";
import { readRequest, reason } from "./read_request.ts";
import type { Verdict } from "./redrive_judge.ts";
import type { RedriveAct, RedriveOperations } from "./redrive_operations.ts";
import { RedriveLimits, RedriveSelection } from "./redrive_terms.ts";

/** What the routes need. */
export interface RedriveRoutesOptions {
  readonly operations: RedriveOperations;
  readonly causeOf: (operator: InternalEnv["Variables"]["operator"]) => Cause;
}

/** Routes for redrives of dead letters as jobs, for `/operator/v1`. */
export function redriveRoutes({ operations, causeOf }: RedriveRoutesOptions): Hono<InternalEnv> {
  const app = new Hono<InternalEnv>();
  app.post("/redrives/forecast", async (c) => {
    const { selection } = readRequest(forecastBody, await c.req.json());
    const { verdicts, hasMore } = await operations.forecastRedrive(selection);
    return c.json({ items: verdicts.map(verdictView), hasMore });
  });
  app.post("/redrives", async (c) => {
    const order = readRequest(startBody, await c.req.json());
    const redrive = await operations.startRedrive(order, causeOf(c.get("operator")));
    return redrive === undefined ? c.json({ redrive: null }) : c.json({ redrive }, 201);
  });
  app.get("/redrives", async (c) => {
    const { after, limit } = readRequest(listQuery, c.req.query());
    return c.json({ items: await operations.listRedrives({ limit, ...(after === undefined ? {} : { after }) }) });
  });
  app.get("/redrives/:id", async (c) => {
    const found = await operations.findRedrive(c.req.param("id"));
    return found === undefined ? noSuchRedrive() : c.json(found);
  });
  app.get("/redrives/:id/items", async (c) => {
    const id = c.req.param("id");
    if (await operations.findRedrive(id) === undefined) return noSuchRedrive();
    const { states, after, limit } = readRequest(itemsQuery, c.req.query());
    return c.json({
      items: await operations.listRedriveItems({ id, after, limit, ...(states === undefined ? {} : { states }) }),
    });
  });
  for (const act of ["pause", "resume", "cancel"] as const satisfies readonly RedriveAct[]) {
    app.post(`/redrives/:id/${act}`, async (c) => {
      const { reason } = readRequest(actBody, await c.req.json());
      const how = { reason, by: causeOf(c.get("operator")) };
      const redrive = await operations.steerRedrive(c.req.param("id"), act, how);
      return redrive === undefined ? noSuchRedrive() : c.json(redrive);
    });
  }
  return app;
}

function noSuchRedrive(): Response {
  return problemResponse({ status: 404, title: "No such redrive", type: "not-found" });
}

/** Without the body of the letter, which may be long. */
function verdictView({ letter, why, detail, key, correlation }: Verdict) {
  const { id: letterId, messageId, type, class: className, reason, diedAtMs } = letter;
  return { letterId, messageId, type, class: className, reason, diedAtMs, key, correlation, why, detail };
}

const forecastBody = z.strictObject({ selection: RedriveSelection });
const startBody = z.strictObject({
  selection: RedriveSelection,
  limits: RedriveLimits.default(RedriveLimits.parse({})),
  reason,
});
const actBody = z.strictObject({ reason });
const listQuery = z.strictObject({
  after: z.string().max(300).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const itemsQuery = z.strictObject({
  states: z.string().transform((text) => text.split(",")).pipe(z.array(z.enum(redriveItemStates))).optional(),
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});
