import type { Cause } from "@mesh/actor";
import { Hono } from "hono";
import { z } from "zod";
import type { ActorOperations } from "./actor_operations.ts";
import type { InternalEnv } from "./internal_app.ts";
import { problemResponse } from "./problem.ts";
import { readRequest, reason } from "./read_request.ts";

/** What the routes need. */
export interface ActorRoutesOptions {
  readonly operations: ActorOperations;
  readonly causeOf: (operator: InternalEnv["Variables"]["operator"]) => Cause;
  /** Draws the id of an act that was given none; such an act cannot be asked for again under the same id. */
  readonly newId: () => string;
}

/** Routes for timers and acts on single actors, for `/operator/v1`. */
export function actorRoutes({ operations, causeOf, newId }: ActorRoutesOptions): Hono<InternalEnv> {
  const app = new Hono<InternalEnv>();
  app.get("/timers", async (c) => {
    const { prefix, dueBeforeMs, after, limit } = readRequest(timerQuery, c.req.query());
    return c.json(
      await operations.listTimers({
        prefix,
        limit,
        ...(dueBeforeMs === undefined ? {} : { dueBeforeMs }),
        ...(after === undefined ? {} : { after }),
      }),
    );
  });
  app.get("/timers/:stream", async (c) => {
    const found = await operations.explain(c.req.param("stream"));
    return found === undefined ? noSuchActor() : c.json(found);
  });
  app.post("/acts", async (c) => {
    const { stream, id = newId(), reason, act } = readRequest(actBody, await c.req.json());
    const acted = await operations.act(stream, { id, reason, act }, causeOf(c.get("operator")));
    return acted === undefined ? noSuchActor() : c.json({ id, ...acted });
  });
  return app;
}

function noSuchActor(): Response {
  return problemResponse({ status: 404, title: "No such actor", type: "not-found" });
}

const timerQuery = z.strictObject({
  prefix: z.string().max(200).default(""),
  dueBeforeMs: z.coerce.number().int().min(0).optional(),
  after: z.string().max(300).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const actBody = z.strictObject({
  stream: z.string().min(3).max(300),
  id: z.uuid().optional(),
  reason,
  act: z.looseObject({ name: z.string().max(100) }),
});
