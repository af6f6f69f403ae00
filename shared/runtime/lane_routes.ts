import type { Cause } from "@mesh/actor";
import type { StoredLane } from "@mesh/store";
import { Hono } from "hono";
import { z } from "zod";
import type { InternalEnv } from "./internal_app.ts";
import type { LaneOperations } from "./lane_operations.ts";
import { problemResponse } from "./problem.ts";
import { readRequest, reason } from "./read_request.ts";

/** What the routes need. */
export interface LaneRoutesOptions {
  readonly operations: LaneOperations;
  readonly causeOf: (operator: InternalEnv["Variables"]["operator"]) => Cause;
}

/** Routes for lanes that are not open, for `/operator/v1`. */
export function laneRoutes({ operations, causeOf }: LaneRoutesOptions): Hono<InternalEnv> {
  const app = new Hono<InternalEnv>();
  app.get("/lanes", async (c) => {
    const { limit } = readRequest(listQuery, c.req.query());
    const lanes = await operations.listLanes();
    return c.json({ items: lanes.slice(0, limit).map(shown), count: lanes.length });
  });
  for (const [verb, act] of [["release", operations.releaseLane], ["skip", operations.skipLane]] as const) {
    app.post(`/lanes/${verb}`, async (c) => {
      const { lane, reason } = readRequest(actBody, await c.req.json());
      const found = await act(lane, reason, causeOf(c.get("operator")));
      return found === undefined
        ? problemResponse({ status: 404, title: "No such lane, or it is open", type: "not-found" })
        : c.json(shown(found));
    });
  }
  return app;
}

/** A lane without what its messages say. */
function shown({ head: { envelope: _envelope, headers: _headers, ...head }, ...lane }: StoredLane) {
  return { ...lane, head };
}

const listQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(200) });
const actBody = z.strictObject({ lane: z.string().min(3).max(600), reason });
