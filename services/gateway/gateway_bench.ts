// deno-lint-ignore-file mesh/import-direction mesh/no-console -- A measurement starts its own server and prints.
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { systemClock, systemIds } from "@mesh/base";
import { processesIn, startInfra } from "@mesh/testing/infra";
import { cpuMsOf } from "@mesh/testing/machine";
import { type BenchCustomer, fillDatabase } from "./bench/bench_database.ts";
import type { ContenderOptions } from "./bench/contender.ts";
import { load } from "./bench/raw_client.ts";

const encoder = new TextEncoder();

/**
 * How much the gateway costs beside a bare Hono handler that does the same work: for writes the same JWT check,
 * validation, signature and batched insert, for reads the same query. Rounds alternate; figures are medians.
 *
 * `deno run --allow-all services/gateway/gateway_bench.ts [--rounds=5] [--seconds=2] [--only=POST]`
 */
if (import.meta.main) {
  const stateDir = await Deno.makeTempDir({ prefix: "gateway-bench-" });
  // The database does not run as root; it must get to its folder.
  await Deno.chmod(stateDir, 0o711);
  await using infra = await startInfra({ wants: ["postgres"], stateDir, keep: false });
  const ids = systemIds();
  const database = await fillDatabase(infra.postgres, ids);
  const mint = await tokenMint();
  const customers = await Promise.all(database.customers.map(async (each) => ({
    ...each,
    token: await mint.issue(each.customerId, ids.next()),
  })));
  const servers = {
    gateway: await startContender({ contender: "gateway", databaseUrl: database.url, ...mint.policy }),
    bare: await startContender({ contender: "bare", databaseUrl: database.url, ...mint.policy }),
  };
  const databaseCpu = () => processesIn(`${stateDir}/postgres`).reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  try {
    for (const scenario of scenariosFor(customers, () => ids.next())) {
      if (!scenario.name.includes(option("only") ?? "")) continue;
      const rounds = await measure(scenario, { servers, databaseCpu, clear: () => database.clearWrites() });
      report(scenario, rounds);
    }
  } finally {
    for (const { child } of Object.values(servers)) child.kill();
    await Promise.all(Object.values(servers).map(({ child }) => child.status));
  }
}

interface Customer extends BenchCustomer {
  readonly token: string;
}

interface Scenario {
  readonly name: string;
  readonly connectionCount: number;
  readonly isWrite: boolean;
  readonly status: number;
  /** Requests as they travel; the bare server may know another path. */
  readonly next: Readonly<Record<"gateway" | "bare", () => Uint8Array>>;
}

/** What one server did in one round. */
interface Round {
  readonly perSecond: number;
  /** Microseconds of processor time per request. */
  readonly serverUs: number;
  readonly databaseUs: number;
}

function scenariosFor(customers: readonly Customer[], nextKey: () => string): readonly Scenario[] {
  let at = 0;
  const customer = () => customers[at++ % customers.length]!;
  const same = (next: () => Uint8Array) => ({ gateway: next, bare: next });
  const orderOf = ({ orderIds }: Customer) => orderIds[at % orderIds.length]!;
  const order = () => {
    const asked = customer();
    return encodeGet(`/v1/orders/${orderOf(asked)}`, asked.token);
  };
  const read = { connectionCount: 32, isWrite: false, status: 200 };
  return [
    {
      name: "POST /v1/orders",
      connectionCount: 64,
      isWrite: true,
      status: 202,
      next: same(() => encodeOrder(customer(), nextKey())),
    },
    { ...read, name: "GET /v1/orders/{id}", next: same(order) },
    {
      ...read,
      name: "GET /v1/orders/{id}, the bare one without a JWT check",
      next: {
        gateway: order,
        bare: () => {
          const asked = customer();
          return encodeGet(`/unchecked/${asked.customerId}/orders/${orderOf(asked)}`);
        },
      },
    },
    { ...read, name: "GET /v1/orders?limit=20", next: same(() => encodeGet("/v1/orders?limit=20", customer().token)) },
    { ...read, name: "GET /v1/products", next: same(() => encodeGet("/v1/products")) },
  ];
}

function encodeGet(path: string, token?: string): Uint8Array {
  const authorization = token === undefined ? "" : `authorization: Bearer ${token}\r\n`;
  return encoder.encode(`GET ${path} HTTP/1.1\r\nhost: bench\r\n${authorization}\r\n`);
}

function encodeOrder({ token, addressRef }: Customer, key: string): Uint8Array {
  const lines = [{ sku: "TEA-0001", units: 2 }, { sku: "CUP-0002", units: 1 }];
  const body = JSON.stringify({ lines, addressRef, paymentMethod: "pm_card_visa" });
  return encoder.encode(
    `POST /v1/orders HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\nidempotency-key: ${key}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

interface Bench {
  readonly servers: Readonly<Record<"gateway" | "bare", Server>>;
  readonly databaseCpu: () => number;
  readonly clear: () => Promise<void>;
}

async function measure(scenario: Scenario, { servers, databaseCpu, clear }: Bench) {
  const rounds: Record<"gateway" | "bare", Round[]> = { gateway: [], bare: [] };
  const durationMs = 1_000 * Number(option("seconds") ?? 2);
  // The first round warms up.
  for (let count = 0; count <= Number(option("rounds") ?? 5); count += 1) {
    for (const name of count % 2 === 0 ? ["gateway", "bare"] as const : ["bare", "gateway"] as const) {
      if (scenario.isWrite) await clear();
      const { port, child: { pid } } = servers[name];
      const before = [cpuMsOf(pid), databaseCpu()] as const;
      const { requestCount, elapsedMs, statuses } = await load({
        ...scenario,
        port,
        durationMs,
        next: scenario.next[name],
      });
      if (statuses.size !== 1 || !statuses.has(scenario.status)) {
        throw new Error(`Cannot measure: "${name}" answered ${Deno.inspect(statuses)}`);
      }
      if (count === 0) continue;
      rounds[name].push({
        perSecond: 1_000 * requestCount / elapsedMs,
        serverUs: 1_000 * (cpuMsOf(pid) - before[0]) / requestCount,
        databaseUs: 1_000 * (databaseCpu() - before[1]) / requestCount,
      });
    }
  }
  return rounds;
}

function report({ name }: Scenario, rounds: Readonly<Record<"gateway" | "bare", readonly Round[]>>): void {
  console.log(name);
  for (const [server, measured] of Object.entries(rounds)) {
    const text = (field: keyof Round) => Math.round(median(measured.map((round) => round[field])));
    console.log(
      `  ${server.padEnd(8)} ${text("perSecond")} requests/s, ${text("serverUs")} µs in the server, ` +
        `${text("databaseUs")} µs in the database`,
    );
  }
  // Round by round: what else the machine did then, it did to both.
  const ratioOf = (of: (gateway: Round, bare: Round) => number) => {
    const ratios = rounds.gateway.map((each, at) => of(each, rounds.bare[at]!)).sort((a, b) => a - b);
    return `${median(ratios).toFixed(2)} [${ratios.at(0)?.toFixed(2)}-${ratios.at(-1)?.toFixed(2)}]`;
  };
  console.log(
    `  ratio    ${ratioOf((gateway, bare) => gateway.perSecond / bare.perSecond)} by requests/s, ` +
      `${ratioOf((gateway, bare) => bare.serverUs / gateway.serverUs)} by processor time of the server`,
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

interface Server {
  readonly child: Deno.ChildProcess;
  readonly port: number;
}

async function startContender(options: ContenderOptions): Promise<Server> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", new URL("bench/contender.ts", import.meta.url).pathname, JSON.stringify(options)],
    stdout: "piped",
  }).spawn();
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) return { child, port: Number(text) };
  throw new Error(`Cannot measure: "${options.contender}" did not start`);
}

async function tokenMint() {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const [issuer, audience] = ["https://users.bench", "shop"];
  const public_ = { kty: "OKP", crv: "Ed25519", x: jwk.x!, kid };
  return {
    policy: { issuer, audience, jwks: { keys: [public_] } },
    issue: (subject: string, id: string) => {
      const nowSeconds = Math.floor(systemClock.nowMs() / 1_000);
      return new SignJWT({ client_id: "shop-web", scope: "shop" })
        .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid })
        .setIssuer(issuer).setAudience(audience).setSubject(subject).setJti(id)
        .setIssuedAt(nowSeconds).setExpirationTime(nowSeconds + 600).sign(privateKey);
    },
  };
}

function option(name: string): string | undefined {
  return Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}
