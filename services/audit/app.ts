import type { Cause } from "@mesh/actor";
import type { Clock } from "@mesh/base";
import type { Verifier } from "@mesh/envelope";
import { problemResponse } from "@mesh/runtime";
import { Hono } from "hono";
import { type AccessOptions, type AuditEnv, readersOnly } from "./access.ts";
import type { AuditStore } from "./audit_store.ts";
import { eventDocument } from "./event_document.ts";
import type { Progress } from "./feed_progress.ts";
import { encodePlace, isEventId, readEventsQuery } from "./query.ts";

/** What one reading was about. */
export interface Reading {
  readonly filters: Readonly<Record<string, string>>;
  /** How many events were given out. */
  readonly count: number;
}

/** What the routes need. */
export interface AuditAppOptions extends AccessOptions {
  readonly store: AuditStore;
  readonly verifier: Verifier;
  readonly progress: Progress;
  /** Records a reading as a signed event. */
  readonly record: (reading: Reading, by: Cause) => Promise<void>;
  readonly clock: Pick<Clock, "nowMs">;
}

/**
 * Makes the service's routes under `/audit/v1`. Nothing is given out before its reading is recorded.
 *
 * @returns An app without a listener, to be mounted on the internal port, which answers for what is thrown here.
 */
export function auditApp(options: AuditAppOptions): Hono<AuditEnv> {
  const app = new Hono<AuditEnv>();
  app.use("/audit/v1/*", readersOnly(options));
  app.use("/audit/v1/*", async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });
  addEventRoutes(app, options);
  addStatusRoute(app, options);
  return app;
}

function addEventRoutes(app: Hono<AuditEnv>, { store, verifier, progress, record }: AuditAppOptions): void {
  app.get("/audit/v1/events", async (c) => {
    const { filters, query } = readEventsQuery(new URL(c.req.url).searchParams);
    // Before the reading: what was recorded until then is in the answer or behind it.
    const completeUntilMs = progress.completeUntilMs();
    const found = await store.find({ ...query, limit: query.limit + 1 });
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    await record({ filters, count: page.length }, c.get("reader"));
    return c.json({
      items: page.map((entry) => eventDocument(entry, verifier)),
      next: found.length > page.length && last !== undefined ? encodePlace(last) : null,
      completeUntil: timeOf(completeUntilMs),
    });
  });

  app.get("/audit/v1/events/:id", async (c) => {
    const id = c.req.param("id");
    const found = isEventId(id) ? await store.find({ id, limit: 10 }) : [];
    if (isEventId(id)) await record({ filters: { id }, count: found.length }, c.get("reader"));
    // Others under the same id are findings; the proven one is what was asked for.
    const [event, ...others] = found.map((entry) => eventDocument(entry, verifier))
      .sort((a, b) => Number(b.verification.verified) - Number(a.verification.verified));
    if (event === undefined) return problemResponse({ status: 404, title: "No such event", type: "not-found" });
    return c.json(others.length === 0 ? event : { ...event, others });
  });
}

function addStatusRoute(app: Hono<AuditEnv>, { store, progress, clock }: AuditAppOptions): void {
  app.get("/audit/v1/status", async (c) => {
    const { entryCount, failures, gapCount, forkCount } = await store.readFigures();
    const nowMs = clock.nowMs();
    return c.json({
      entries: entryCount,
      completeUntil: timeOf(progress.completeUntilMs()),
      failures,
      gaps: gapCount,
      forks: forkCount,
      feeds: progress.feeds().map(({ owner, completeUntilMs, fault }) => ({
        owner,
        completeUntil: timeOf(completeUntilMs),
        lagMs: completeUntilMs === 0 ? null : Math.max(0, nowMs - completeUntilMs),
        ...(fault === undefined ? {} : { fault }),
      })),
    });
  });
}

function timeOf(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}
