// deno-lint-ignore-file mesh/import-direction mesh/no-console -- A measurement starts its own server and prints.
import { Buffer } from "node:buffer";
import { verify } from "node:crypto";
import { systemClock, systemIds } from "@mesh/base";
import { defineEvent, defineService } from "@mesh/contract";
import {
  emitPolicyFrom,
  eventClaims,
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  policyIndex,
  signEnvelope,
  type Verifier,
} from "@mesh/envelope";
import { silentLog, silentMeter } from "@mesh/runtime";
import { PostgresStore } from "@mesh/store";
import { migrate, provisionService, readMeshMigrations, readMigrations } from "@mesh/store/migrate";
import { startInfra } from "@mesh/testing/infra";
import { cpuBetween, readCpu } from "@mesh/testing/machine";
import { z } from "zod";
import { postgresAuditStore } from "./adapters/postgres_audit_store.ts";
import { fakeFeed } from "./audit_fixture.ts";
import { feedProgress } from "./feed_progress.ts";
import { readFeed } from "./feed_reader.ts";
import { judge } from "./judge.ts";

/**
 * How fast the audit takes events in: pages from memory, every event verified, chained and stored in Postgres, by one
 * reader; beside it what the bare signature check and the whole verification of the same events cost in the same run.
 *
 * `deno run --allow-all services/audit/ingest_bench.ts [events] [rounds]`
 */
if (import.meta.main) {
  const eventCount = Number(Deno.args[0] ?? 10_000);
  const roundCount = Number(Deno.args[1] ?? 3);
  await using infra = await startInfra({ wants: ["postgres"] });
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "audit", password: "runtime", prefix: "bench_" });
  const sets = [await readMeshMigrations(), await readMigrations("audit", new URL("./migrations/", import.meta.url))];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  await using meshStore = new PostgresStore({ url: made.url, clock: systemClock });
  const [{ pid }] = await meshStore.run(
    "find a backend",
    (sql) => sql<[{ pid: number }]>`select pg_backend_pid() as pid`,
  );
  const mesh = speakingMesh();
  for (let round = 1; round <= roundCount; round += 1) {
    const tokens = mesh.speak(eventCount);
    const bytes = tokens.reduce((sum, token) => sum + token.length, 0) / tokens.length;
    const rawUs = await microseconds(tokens.length, () => verifyBare(tokens, mesh.publicKey));
    const judgedUs = await microseconds(tokens.length, () => {
      for (const envelope of tokens) judge("orders", { envelope, recordedAtMs: 0 }, mesh.verifier);
    });
    const before = readCpu(pid);
    const startMs = systemClock.monotonicMs();
    await ingest(postgresAuditStore(meshStore), { tokens, verifier: mesh.verifier });
    const tookMs = systemClock.monotonicMs() - startMs;
    const { ownMs, databaseMs } = cpuBetween(before, readCpu(pid));
    const [ownUs, databaseUs] = [1_000 * ownMs / eventCount, 1_000 * databaseMs / eventCount];
    console.log([
      `round ${round}: ${eventCount} events of ${Math.round(bytes)} bytes`,
      `bare signature ${rawUs.toFixed(1)} us, verification ${judgedUs.toFixed(1)} us`,
      `ingestion ${ownUs.toFixed(1)} us here and ${databaseUs.toFixed(1)} us in the database`,
      `${Math.round(1_000_000 / (ownUs + databaseUs))} events/s per core, ${
        Math.round(1_000 * eventCount / tookMs)
      }/s by the clock`,
      `bare signatures are ${Math.round(100 * rawUs / (ownUs + databaseUs))} % of it`,
    ].join("; "));
  }
}

async function ingest(
  store: ReturnType<typeof postgresAuditStore>,
  { tokens, verifier }: { readonly tokens: readonly string[]; readonly verifier: Verifier },
): Promise<void> {
  const feed = fakeFeed(() => new Error("no cursor of this epoch"));
  const stored = (await store.loadFeeds()).find(({ owner }) => owner === "orders")?.cursor ?? "1.0";
  const known = Number(stored.split(".")[1]);
  // Cursors count on from the last round.
  feed.envelopes.length = known;
  feed.envelopes.push(...tokens);
  const stop = new AbortController();
  const progress = feedProgress(["orders"]);
  await readFeed({
    owner: "orders",
    readPage: (query) => Promise.resolve(feed.read(query)),
    store,
    verifier,
    progress: {
      ...progress,
      complete: () => stop.abort(),
      failed: (_owner, fault) => {
        throw new Error(fault);
      },
    },
    clock: systemClock,
    log: silentLog,
    meter: silentMeter,
    intervalMs: 500,
  }, stop.signal);
}

function verifyBare(tokens: readonly string[], publicKey: Parameters<typeof verify>[2]): void {
  for (const token of tokens) {
    const end = token.lastIndexOf(".");
    const isGood = verify(
      null,
      Buffer.from(token.slice(0, end)),
      publicKey,
      Buffer.from(token.slice(end + 1), "base64url"),
    );
    if (!isGood) throw new Error("Cannot measure: a signature does not verify");
  }
}

async function microseconds(count: number, task: () => void | Promise<void>): Promise<number> {
  const before = readCpu();
  await task();
  return 1_000 * cpuBetween(before, readCpu()).ownMs / count;
}

/** A service that says what orders usually say, in streams of six events, every fourth of them in a long stream. */
function speakingMesh() {
  const Line = z.object({ sku: z.string(), units: z.int(), unitPriceMinor: z.int(), priceEventId: z.uuid() });
  const Advanced = defineEvent("orders.order-advanced", {
    version: 1,
    schema: z.object({
      orderId: z.string(),
      customerId: z.uuid(),
      addressRef: z.uuid(),
      lines: z.array(Line),
      step: z.string(),
    }),
    key: ({ orderId }) => orderId,
  });
  const orders = defineService({
    name: "orders",
    purpose: "speaks",
    accepts: [],
    publishes: [Advanced],
    sends: [],
    subscribes: [],
    calls: [],
    internalPort: 9103,
  });
  const { key, publicJwk } = generateSigningKey("orders");
  const file = keyFile("orders", [{ jwk: publicJwk, status: "active" }]);
  const keys = fixedKeyDirectory({ [file.name]: file.text });
  const ids = systemIds();
  const heads = new Map<string, { readonly n: number; readonly hash: string }>();
  const customers = Array.from({ length: 500 }, () => ids.next());
  const lines = [{ sku: "TEA-0001", units: 2, unitPriceMinor: 499, priceEventId: ids.next() }];

  function say(stream: string, correlation: string, step: number): string {
    const head = heads.get(stream);
    const n = (head?.n ?? 0) + 1;
    const customerId = customers[step % customers.length]!;
    const { token, hash } = signEnvelope(
      eventClaims({
        message: Advanced({ orderId: stream, customerId, addressRef: ids.next(), lines, step: `step ${step}` }),
        id: ids.next(),
        service: "orders",
        correlation,
        causation: ids.next(),
        cause: { subject: customerId, via: "gateway" },
        nowMs: systemClock.nowMs(),
        n,
        prv: head?.hash ?? null,
        re: [ids.next()],
      }),
      key,
    );
    heads.set(stream, { n, hash });
    return token;
  }

  return {
    verifier: { keys, policy: policyIndex(emitPolicyFrom([orders])) } satisfies Verifier,
    publicKey: keys.find(key.kid)!.publicKey,
    /** Signs events of some dozens of orders at a time. */
    speak(count: number): readonly string[] {
      const tokens: string[] = [];
      let open: string[] = [];
      for (let at = 0; at < count; at += 1) {
        if (at % 192 === 0) open = Array.from({ length: 24 }, () => ids.next());
        const orderId = open[at % open.length]!;
        tokens.push(say(at % 4 === 0 ? `TEA-${at % 32}` : orderId, orderId, at));
      }
      return tokens;
    },
  };
}
