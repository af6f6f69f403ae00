import type { Cause } from "@mesh/actor";
import type { DeadLetterQuery, StoredDeadLetter, StoreStatus } from "@mesh/store";
import { Hono } from "hono";
import { z } from "zod";
import type { ActorOperations } from "./actor_operations.ts";
import { actorRoutes } from "./actor_routes.ts";
import type { InternalEnv } from "./internal_app.ts";
import type { LaneOperations } from "./lane_operations.ts";
import { laneRoutes } from "./lane_routes.ts";
import { problemResponse } from "./problem.ts";
import { readRequest, reason } from "./read_request.ts";
import type { RebuildProgress } from "./rebuild.ts";
import type { RedriveOperations } from "./redrive_operations.ts";
import { redriveRoutes } from "./redrive_routes.ts";

/** What an operator may see of one actor's progress. */
export interface InstanceView {
  readonly stream: string;
  readonly version: number;
  readonly updatedAtMs: number;
  readonly view: unknown;
}

/** What operators may see and do; each act is recorded and signed by the service. */
export interface Operations extends ActorOperations, LaneOperations, RedriveOperations {
  /** Draws an id for what was given none. */
  newId(): string;
  status(): Promise<StoreStatus>;
  listDeadLetters(query: DeadLetterQuery): Promise<readonly StoredDeadLetter[]>;
  findDeadLetter(id: string): Promise<StoredDeadLetter | undefined>;
  /** @throws {ConflictError} If one of them is not dead any more, or may not be redriven (any more). */
  settleDeadLetters(ids: readonly string[], status: "redriven" | "discarded", reason: string, by: Cause): Promise<void>;
  /** @returns How many rows are due now. */
  redriveOutbox(reason: string, by: Cause): Promise<number>;
  /** @param query `hasViews`: false leaves their states unread, which is much faster; true when absent. */
  listInstances(
    query: { prefix: string; after?: string; limit: number; hasViews?: boolean },
  ): Promise<readonly InstanceView[]>;
  /** @returns The service's read models, each with how far its last rebuild in this process came. */
  listRebuilds(): readonly { readonly projection: string; readonly progress?: RebuildProgress }[];
  /**
   * Fills a read model anew from the owners' feeds; it goes on after the answer.
   *
   * @returns `undefined` when there is no such read model.
   * @throws {ConflictError} If a rebuild of it is under way.
   */
  rebuild(projection: string, reason: string, by: Cause): Promise<RebuildProgress | undefined>;
}

/** Routes under `/operator/v1`; the caller has put authentication before them. */
export function operatorRoutes(operations: Operations): Hono<InternalEnv> {
  const app = new Hono<InternalEnv>();
  app.get("/status", async (c) => c.json(await operations.status()));
  app.get("/dead-letters", async (c) => {
    const { letterReason, ...query } = readRequest(listQuery, c.req.query());
    const wanted = Object.entries({ ...query, reason: letterReason }).filter(([, value]) => value !== undefined);
    return c.json({
      items: await operations.listDeadLetters(Object.fromEntries(wanted) as unknown as DeadLetterQuery),
    });
  });
  app.get("/dead-letters/:id", async (c) => {
    const found = await operations.findDeadLetter(c.req.param("id"));
    return found === undefined
      ? problemResponse({ status: 404, title: "No such dead letter", type: "not-found" })
      : c.json(found);
  });
  for (const [action, status] of [["redrive", "redriven"], ["discard", "discarded"]] as const) {
    app.post(`/dead-letters/${action}`, async (c) => {
      const { ids, reason } = readRequest(settleBody, await c.req.json());
      await operations.settleDeadLetters(ids, status, reason, causeOf(c.get("operator")));
      return c.json({ settled: ids.length });
    });
  }
  app.post("/outbox/redrive", async (c) => {
    const { reason } = readRequest(reasonBody, await c.req.json());
    return c.json({ due: await operations.redriveOutbox(reason, causeOf(c.get("operator"))) });
  });
  app.get("/projections", (c) => c.json({ items: operations.listRebuilds() }));
  app.get("/projections/:name/rebuild", (c) => {
    const found = operations.listRebuilds().find(({ projection }) => projection === c.req.param("name"));
    return found?.progress === undefined ? noSuchRebuild() : c.json(found.progress);
  });
  app.post("/projections/:name/rebuild", async (c) => {
    const { reason } = readRequest(reasonBody, await c.req.json());
    const progress = await operations.rebuild(c.req.param("name"), reason, causeOf(c.get("operator")));
    return progress === undefined ? noSuchRebuild() : c.json(progress, 202);
  });
  app.get("/instances", async (c) => {
    const { prefix, after, limit, views } = readRequest(instanceQuery, c.req.query());
    const hasViews = views === "all";
    const query = { prefix, hasViews, limit: hasViews ? Math.min(limit, 200) : limit };
    return c.json({ items: await operations.listInstances({ ...query, ...(after === undefined ? {} : { after }) }) });
  });
  app.route("/", redriveRoutes({ operations, causeOf }));
  app.route("/", laneRoutes({ operations, causeOf }));
  app.route("/", actorRoutes({ operations, causeOf, newId: () => operations.newId() }));
  return app;
}

function noSuchRebuild(): Response {
  return problemResponse({ status: 404, title: "No such read model, or it was never rebuilt", type: "not-found" });
}

function causeOf(operator: InternalEnv["Variables"]["operator"]): Cause {
  return { subject: operator.subject, via: "operator", tokenHash: operator.tokenHash };
}

const limit = z.coerce.number().int().min(1).max(200).default(50);
const after = z.string().max(300).optional();
const listQuery = z.strictObject({
  status: z.enum(["dead", "redriven", "discarded"]).optional(),
  class: z.enum(["untrusted", "contract", "defect", "exhausted", "broker"]).optional(),
  type: z.string().max(200).optional(),
  letterReason: z.string().max(200).optional(),
  correlation: z.string().max(300).optional(),
  sinceMs: z.coerce.number().int().min(0).optional(),
  untilMs: z.coerce.number().int().min(0).optional(),
  after,
  limit,
});
const instanceQuery = z.strictObject({
  prefix: z.string().max(200).default(""),
  views: z.enum(["all", "none"]).default("all"),
  after,
  // A list that moves while its pages are read leaves some out; without states one page holds them all.
  limit: z.coerce.number().int().min(1).max(5_000).default(50),
});
const settleBody = z.strictObject({ ids: z.array(z.uuid()).min(1).max(200), reason });
const reasonBody = z.strictObject({ reason });
