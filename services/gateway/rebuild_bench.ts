// deno-lint-ignore-file mesh/import-direction mesh/no-console -- A measurement starts its own server and prints.
import { Buffer } from "node:buffer";
import { sign, verify } from "node:crypto";
import { systemClock, systemIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import { type AnyEvent, defineService, type ServiceDefinition } from "@mesh/contract";
import {
  draftEnvelope,
  emitPolicyFrom,
  type EnvelopeDraft,
  eventClaims,
  fixedKeyDirectory,
  generateSigningKey,
  type KeyDirectory,
  keyFile,
  type PolicyIndex,
  policyIndex,
  sealEnvelopes,
  type SigningKey,
} from "@mesh/envelope";
import { defaultSettings, type FeedClient, type Projection, silentLog, silentMeter, startService } from "@mesh/runtime";
import { type FeedPage, PostgresStore } from "@mesh/store";
import { migrate, provisionService, readMeshMigrations } from "@mesh/store/migrate";
import { startInfra } from "@mesh/testing/infra";
import { cpuBetween, readCpu } from "@mesh/testing/machine";
import { contracts as orchestratorContracts } from "@shop/orchestrator";
import { contracts as orderContracts } from "@shop/orders";
import { contracts as shippingContracts } from "@shop/shipping";
import { eventsAmong } from "./projections/events_among.ts";
import { orders } from "./projections/orders.ts";
import { completingOrder } from "./samples_fixture.ts";
import { service as gateway } from "./service.ts";

interface Figures {
  readonly eventCount: number;
  readonly tookMs: number;
  readonly ownMs: number;
  readonly databaseMs: number;
  readonly rowCount: number;
  /** Resident, in MiB, at each tenth of the way. */
  readonly residentMib: readonly number[];
}

function print({ eventCount, tookMs, ownMs, databaseMs, rowCount, residentMib }: Figures, bareUs?: number): void {
  const [ownUs, databaseUs] = [1_000 * ownMs / eventCount, 1_000 * databaseMs / eventCount];
  console.log([
    `${eventCount} events, ${rowCount} rows in ${Math.round(tookMs)} ms: ${Math.round(1_000 * eventCount / tookMs)}/s`,
    `${ownUs.toFixed(1)} us here and ${databaseUs.toFixed(1)} us in the database per event`,
    `${Math.round(1_000_000 / ownUs)}/s per core here, ${
      Math.round(1_000_000 / (ownUs + databaseUs))
    }/s with the database`,
    ...(bareUs === undefined ? [] : [
      `bare signature ${bareUs.toFixed(1)} us, ${Math.round(1_000_000 / bareUs)}/s: ${
        Math.round(100 * bareUs / ownUs)
      } % of the time here`,
    ]),
    `resident ${residentMib.join(" ")} MiB`,
  ].join("; "));
}

/** Rebuilds within a whole service, as an operator would have it done. */
async function rebuild(
  definition: ServiceDefinition,
  { store, mesh, projection, eventCount, read }: {
    readonly store: PostgresStore;
    readonly mesh: SpeakingMesh;
    readonly projection: Projection;
    readonly eventCount: number;
    /** Of others' feeds, or instead of the own one. */
    readonly read?: (owner: string, after: string, limit: number) => FeedPage;
  },
): Promise<Figures> {
  const server = new MemoryBrokerServer({ clock: systemClock });
  await server.load(
    brokerTopology([definition, ...speakers.filter(({ name }) => name !== definition.name)], { partitions: 1 }),
  );
  const broker = await server.connect(definition.name);
  const feeds: FeedClient = {
    // Catch-up, which asks with a lag, finds nothing.
    read: (owner, { after, lagMs, limit }) =>
      Promise.resolve(lagMs === undefined && read !== undefined ? read(owner, after, limit) : emptyPage(after)),
    readStream: () => Promise.resolve([]),
  };
  const service = await startService({
    ...partsOf(definition, mesh),
    broker,
    store: isMadeHere(definition, projection) && read !== undefined ? withFeed(store, definition.name, read) : store,
    projections: [projection],
    feeds,
  });
  const pid = await backendPid(store);
  const before = readCpu(pid);
  const startMs = systemClock.monotonicMs();
  await service.operations.rebuild(projection.name, "measured", { subject: systemIds().next(), via: "bench" });
  const residentMib: number[] = [];
  const progress = () => service.operations.listRebuilds()[0]?.progress;
  while ((progress()?.eventCount ?? 0) < eventCount) {
    if (progress()?.status === "failed") throw new Error(progress()?.error);
    if ((progress()?.eventCount ?? 0) >= residentMib.length * eventCount / 10) residentMib.push(residentNow());
    await systemClock.delay(20);
  }
  const isWritten = async () => await store.readGeneration(projection.name) > 1;
  while (!await isWritten()) await systemClock.delay(20);
  const tookMs = systemClock.monotonicMs() - startMs;
  const { ownMs, databaseMs } = cpuBetween(before, readCpu(pid));
  while (progress()?.status === "running") await systemClock.delay(100);
  const [{ rowCount }] = await store.run(
    "count",
    (sql) => sql<[{ rowCount: number }]>`select count(*)::int as "rowCount" from mesh.projection`,
  );
  await service.drain();
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  return { eventCount, tookMs, ownMs, databaseMs, rowCount, residentMib: [...residentMib, residentNow()] };
}

function isMadeHere({ name }: ServiceDefinition, { subscribes }: Projection): boolean {
  return subscribes.every(({ service }) => service === name);
}

/** The store, with events that are made as they are read in the place of those that it holds. */
function withFeed(
  store: PostgresStore,
  owner: string,
  read: (owner: string, after: string, limit: number) => FeedPage,
): PostgresStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "readFeed") {
        return ({ after, limit }: { readonly after: string; readonly limit: number }) =>
          Promise.resolve(read(owner, after, limit));
      }
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

function partsOf(definition: ServiceDefinition, mesh: SpeakingMesh) {
  return {
    definition,
    signingKey: mesh.keyOf(definition.name),
    keys: mesh.keys,
    policy: mesh.policy,
    clock: systemClock,
    ids: systemIds(),
    log: { ...silentLog, error: (text: string, values?: object) => console.error(text, values) },
    meter: silentMeter,
    settings: defaultSettings,
    partitions: 1,
    abandon: (reason: string) => {
      throw new Error(reason);
    },
  };
}

function residentNow(): number {
  return Math.round(Deno.memoryUsage().rss / 2 ** 20);
}

async function backendPid(store: PostgresStore): Promise<number> {
  const [{ pid }] = await store.run("find a backend", (sql) => sql<[{ pid: number }]>`select pg_backend_pid() as pid`);
  return pid;
}

const nothing = { accepts: [], sends: [], subscribes: [], calls: [], internalPort: 9101 };
const speakers: readonly ServiceDefinition[] = [
  defineService({ ...nothing, name: "orders", purpose: "speaks", publishes: eventsAmong(orderContracts) }),
  defineService({ ...nothing, name: "orchestrator", purpose: "speaks", publishes: eventsAmong(orchestratorContracts) }),
  defineService({ ...nothing, name: "shipping", purpose: "speaks", publishes: eventsAmong(shippingContracts) }),
];

interface SpeakingMesh {
  readonly keys: KeyDirectory;
  readonly policy: PolicyIndex;
  readonly keyOf: (service: string) => SigningKey;
}

function speakingMesh(): SpeakingMesh {
  const keys = new Map([...speakers, gateway].map(({ name }) => [name, generateSigningKey(name)]));
  const files = [...keys].map(([name, { publicJwk }]) => keyFile(name, [{ jwk: publicJwk, status: "active" }]));
  return {
    keys: fixedKeyDirectory(Object.fromEntries(files.map(({ name, text }) => [name, text]))),
    policy: policyIndex(emitPolicyFrom([...speakers, { ...gateway, sends: [] }])),
    keyOf: (service) => keys.get(service)!.key,
  };
}

interface Told {
  readonly envelope: string;
  readonly recordedAtMs: number;
}

/**
 * Eleven events for each order, dozens of orders at a time.
 *
 * @param turnEvents Events that a turn has signed together, 1 to 48.
 */
function tell(mesh: SpeakingMesh, eventCount: number, turnEvents: number): ReadonlyMap<string, readonly Told[]> {
  const ids = systemIds();
  const told = new Map<string, Told[]>(speakers.map(({ name }) => [name, []]));
  let recordedAtMs = Date.UTC(2026, 0, 1);
  for (let count = 0; count < eventCount;) {
    const open = Array.from({ length: 48 }, () => ids.next()).map((orderId) => {
      const { orders, saga, shipping } = completingOrder(orderId);
      return [orders[0]!, ...saga.slice(0, 4), ...shipping, ...saga.slice(4), orders[1]!];
    });
    const heads = new Map<string, string>();
    for (let step = 0; step < 11; step += 1) {
      const drafts = new Map<string, EnvelopeDraft[]>(speakers.map(({ name }) => [name, []]));
      for (const story of open) {
        const { event, stream, position } = story[step]!;
        const service = stream.slice(0, stream.indexOf("/"));
        if (count === eventCount) continue;
        const draft = write(mesh, { event, service, n: position, prv: heads.get(stream) ?? null, id: ids.next() });
        heads.set(stream, draft.hash);
        drafts.get(service)!.push(draft);
        count += 1;
      }
      for (const [service, said] of drafts) {
        for (let at = 0; at < said.length; at += turnEvents) {
          for (const envelope of sealEnvelopes(said.slice(at, at + turnEvents), mesh.keyOf(service))) {
            // As a driver hands it out; a text put together in JavaScript is another thing to the engine.
            told.get(service)!.push({ envelope: Buffer.from(envelope).toString(), recordedAtMs: recordedAtMs += 1 });
          }
        }
      }
    }
  }
  return told;
}

function write(
  mesh: SpeakingMesh,
  { event, service, n, prv, id }: {
    readonly event: AnyEvent;
    readonly service: string;
    readonly n: number;
    readonly prv: string | null;
    readonly id: string;
  },
) {
  const claims = eventClaims({
    message: event,
    id,
    service,
    correlation: event.key.slice(event.key.lastIndexOf("/") + 1),
    causation: id,
    nowMs: systemClock.nowMs(),
    n,
    prv,
    re: [id],
  });
  return draftEnvelope(claims, mesh.keyOf(service));
}

/** What it would cost to verify one signature for each event. */
function bareSignatureUs(told: ReadonlyMap<string, readonly Told[]>, mesh: SpeakingMesh): number {
  const { privateKey } = mesh.keyOf("orders");
  const { publicKey } = mesh.keys.find(mesh.keyOf("orders").kid)!;
  const signed = [...told.values()].flat().slice(0, 5_000).map(({ envelope }) => {
    const bytes = Buffer.from(envelope.slice(0, envelope.lastIndexOf(".")));
    return { bytes, signature: sign(null, bytes, privateKey) };
  });
  const before = readCpu();
  const count = signed.filter(({ bytes, signature }) => verify(null, bytes, publicKey, signature)).length;
  return 1_000 * cpuBetween(before, readCpu()).ownMs / count;
}

function pageOf(told: readonly Told[], after: string, limit: number): FeedPage {
  const from = Number(after);
  const items = told.slice(from, from + limit).map((each, at) => ({ ...each, cursor: `${from + at + 1}` }));
  const next = items.at(-1)?.cursor ?? after;
  return { items, next, hasMore: Number(next) < told.length, completeUntilMs: systemClock.nowMs() };
}

function emptyPage(after: string): FeedPage {
  return { items: [], next: after, hasMore: false, completeUntilMs: systemClock.nowMs() };
}

interface Made {
  readonly stream: string;
  readonly n: number;
  readonly id: string;
  readonly envelope: string;
}

/** Payloads of the seven turns of a saga, with these ids in the place of its own. */
const templateId = "0198d6f0-0000-7000-8000-aaaaaaaaaaaa";
const templates = completingOrder(templateId).saga.map(({ event, position }) =>
  JSON.stringify(eventClaims({
    message: event,
    id: templateId,
    service: "orchestrator",
    correlation: templateId,
    causation: templateId,
    nowMs: 0,
    n: position,
    prv: null,
    re: [templateId],
  }))
);

/** Seven turns for each saga, dozens at a time; none of them signed. */
function madeEvent(at: number): Made {
  const [group, rest] = [Math.floor(at / 336), at % 336];
  const orderId = uuidOf(group * 48 + rest % 48);
  const n = Math.floor(rest / 48) + 1;
  const id = uuidOf(at);
  const text = templates[n - 1]!.replaceAll(templateId, orderId).replace(`"jti":"${orderId}"`, `"jti":"${id}"`);
  const payload = Buffer.from(text).toString("base64url");
  return {
    stream: `orchestrator/place-order/${orderId}`,
    n,
    id,
    envelope: `${"h".repeat(120)}.${payload}.${"s".repeat(86)}`,
  };
}

function uuidOf(count: number): string {
  return `0198d6f0-0000-7000-8000-${String(count).padStart(12, "0")}`;
}

function madePage(after: string, limit: number, eventCount: number): FeedPage {
  const from = Number(after);
  const count = Math.min(limit, eventCount - from);
  const items = Array.from({ length: count }, (_, at) => ({
    cursor: `${from + at + 1}`,
    envelope: madeEvent(from + at).envelope,
    recordedAtMs: from + at,
  }));
  return {
    items,
    next: count === 0 ? after : `${from + count}`,
    hasMore: from + count < eventCount,
    completeUntilMs: systemClock.nowMs(),
  };
}

async function fill(store: PostgresStore, eventCount: number): Promise<void> {
  for (let from = 0; from < eventCount; from += 1_000) {
    const made = Array.from({ length: Math.min(1_000, eventCount - from) }, (_, at) => madeEvent(from + at));
    const lines = (name: "stream" | "id" | "envelope") => made.map((each) => each[name]).join("\n");
    await store.run("fill", (sql) =>
      sql`
        insert into mesh.event (recorded_at_ms, epoch, stream, version, id, type, schema_version, correlation, data,
          envelope, hash)
        select 1, 1, e.stream, e.n::int, e.id::uuid, 'orchestrator.saga-advanced', 1, '', '{}', e.envelope, ''
        from unnest(string_to_array(${lines("stream")}, E'\n'), string_to_array(${
        made.map(({ n }) => n).join("\n")
      }, E'\n'),
          string_to_array(${lines("id")}, E'\n'), string_to_array(${lines("envelope")}, E'\n'))
          as e(stream, n, id, envelope)`);
  }
}

/**
 * How fast the read model of orders is rebuilt, rows written to Postgres:
 *
 * - `feeds`: from three services' feeds, in memory, every envelope verified; events of a turn share a signature;
 * - `own`: from the table of events of the service itself, in Postgres, unsigned;
 * - `memory`: as `own`, events made as they are read, with the memory of the process as it goes on.
 *
 * `deno run --allow-all services/gateway/rebuild_bench.ts [feeds|own|memory] [events] [events a turn]`
 */
if (import.meta.main) {
  const [kind = "feeds", count = "22000", turnEvents = "8"] = Deno.args;
  await using infra = await startInfra({ wants: ["postgres"] });
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "bench", password: "runtime", prefix: "bench_" });
  await migrate({
    url: made.ownerUrl,
    role: made.ownerRole,
    runtimeRole: made.runtimeRole,
    sets: [await readMeshMigrations()],
  });
  await using store = new PostgresStore({ url: made.url, clock: systemClock });
  const mesh = speakingMesh();
  const eventCount = Math.ceil(Number(count) / 11) * 11;
  if (kind === "feeds") {
    const told = tell(mesh, eventCount, Number(turnEvents));
    const bareUs = bareSignatureUs(told, mesh);
    const figures = await rebuild(gateway, {
      store,
      mesh,
      projection: orders,
      eventCount,
      read: (owner, after, limit) => pageOf(told.get(owner) ?? [], after, limit),
    });
    print(figures, bareUs);
  } else {
    const owner = speakers.find(({ name }) => name === "orchestrator")!;
    const own: Projection = { ...orders, subscribes: eventsAmong(orchestratorContracts) };
    if (kind === "own") await fill(store, eventCount);
    const read = kind === "own"
      ? undefined
      : (_: string, after: string, limit: number) => madePage(after, limit, eventCount);
    print(await rebuild(owner, { store, mesh, projection: own, eventCount, ...(read === undefined ? {} : { read }) }));
  }
}
