import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { calculateJwkThumbprint } from "jose";
import { ManualClock, sequentialIds, UnavailableError } from "@mesh/base";
import { type AnyCommand, type AnyEvent, destinationOf } from "@mesh/contract";
import {
  accessTokenVerifier,
  fixedKeys,
  type LocalCommand,
  type PeerClient,
  type ProjectedEvent,
  type Projection,
  silentLog,
} from "@mesh/runtime";
import { MemoryStore, noWrites, type ProjectionRow } from "@mesh/store";
import type { Json } from "@mesh/base";
import { MemoryRequests } from "./adapters/memory_requests.ts";
import { Admission } from "./admission.ts";
import { type Gateway, gatewayApp } from "./app.ts";
import { type GatewayConfig, gatewayConfig } from "./config.ts";
import { orderReader } from "./order_reader.ts";
import { OrderWatch } from "./order_watch.ts";
import { readModels } from "./read_models.ts";
import { RefusalError } from "./refusal.ts";
import type { UsersClient } from "./users_client.ts";

/** Accounts that tests speak for. */
export const accounts = {
  mina: "0198d6f0-0000-7000-8000-000000000001",
  joon: "0198d6f0-0000-7000-8000-000000000002",
  staff: "0198d6f0-0000-7000-8000-000000000003",
  auditor: "0198d6f0-0000-7000-8000-000000000004",
  operator: "0198d6f0-0000-7000-8000-000000000005",
} as const;

const scopes: Readonly<Record<keyof typeof accounts, string>> = {
  mina: "shop",
  joon: "shop",
  staff: "shop staff",
  auditor: "audit",
  operator: "operator",
};

/** Mina's address, and Joon's. */
export const addresses = {
  mina: "0198d6f0-0000-7000-8000-0000000000a1",
  joon: "0198d6f0-0000-7000-8000-0000000000a2",
} as const;

/** A command that was sent, with what it was sent with. */
export interface SentCommand extends Omit<LocalCommand, "commit"> {
  readonly command: AnyCommand;
}

/** One event of a stream, for a read model. */
export interface Told {
  readonly event: AnyEvent;
  readonly stream: string;
  readonly position: number;
  readonly id?: string;
  readonly atMs?: number;
}

/** @returns The event as a projection sees it. */
export function projectedFrom(
  { event, stream, position, id = "0198d6f0-0000-7000-8000-0000000000e1", atMs }: Told,
): ProjectedEvent {
  const { type, version, key, data } = event;
  return { id, type, version, stream, position, key, correlation: key, data, recordedAtMs: atMs ?? 0 };
}

/** A gateway on memory: its app, and everything around it. */
export async function openGateway(env: Readonly<Record<string, string>> = {}) {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  const requests = new MemoryRequests(store, clock);
  const models = readModels(store, clock);
  const watch = new OrderWatch({ models, clock, log: silentLog });
  const ids = sequentialIds();
  const config: GatewayConfig = gatewayConfig((name) => env[name]);
  const users = memoryUsers();
  const audit = memoryAudit();
  const sent: SentCommand[] = [];
  const tokens = await tokenMint(clock);
  const faults: string[] = [];
  const gateway: Gateway = gatewayApp({
    config,
    requests,
    models,
    orders: orderReader(requests, models),
    watch,
    admission: new Admission({ readStatus: () => store.readStatus(), clock, unansweredMax: config.unansweredMax }),
    commands: { send: (command, how = {}) => send(command, how) },
    users: users.client,
    peers: audit.peers,
    accessTokens: tokens.verifier,
    meshJwks: () => ({ keys: [] }),
    faults: () => Promise.resolve(faults),
    clock,
    ids,
    log: silentLog,
  });

  async function send(command: AnyCommand, { commit, ...how }: LocalCommand): Promise<string> {
    const id = how.id ?? ids.next();
    const correlation = how.correlation ?? id;
    const entry = {
      id: ids.next(),
      kind: "command" as const,
      messageId: id,
      type: command.type,
      ...destinationOf({ ...command, correlation }),
      correlation,
      orderKey: `gateway/${command.key}`,
      isMandatory: true,
      headers: {},
      envelope: "unsigned",
      sentCount: 0,
    };
    const writes = { ...noWrites, outbox: [entry] };
    await (commit === undefined ? store.commit(writes) : commit(writes));
    sent.push({ command, ...how });
    return id;
  }

  return { ...gateway, clock, store, requests, models, watch, users, audit, sent, tokens, faults, ask, tell };

  /** Asks as one of the accounts, or as nobody. */
  async function ask(
    path: string,
    { as, method, body, raw, headers = {}, key }: {
      readonly as?: keyof typeof accounts;
      readonly method?: string;
      readonly body?: unknown;
      readonly raw?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly key?: string;
    } = {},
  ) {
    const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await gateway.app.request(path, {
      method: method ?? (text === undefined ? "GET" : "POST"),
      headers: {
        ...(text === undefined ? {} : { "content-type": "application/json" }),
        ...(as === undefined ? {} : { authorization: `Bearer ${await tokens.issue(as)}` }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
    });
    return response;
  }

  /** Lets a read model hear events, as the runtime would: each once, in the order of its stream. */
  async function tell<Row>(projection: Projection<Row>, told: readonly Told[], generation = 1): Promise<void> {
    for (const each of told) {
      const event = projectedFrom(each);
      const key = projection.keyOf(event);
      if (key === undefined) continue;
      const [loaded] = await store.loadRows(projection.name, generation, [key]);
      const row = projection.apply((loaded?.row ?? projection.initialRow(key)) as Row, event);
      const written: ProjectionRow = {
        projection: projection.name,
        generation,
        key,
        owner: projection.ownerOf(row),
        sort: projection.sortOf(row, key),
        seen: { ...loaded?.seen, [each.stream]: each.position },
        row: row as Json,
        revision: loaded?.revision ?? 0,
      };
      await store.commit({ ...noWrites, rows: [written] });
    }
  }
}

export type GatewayFixture = Awaited<ReturnType<typeof openGateway>>;

async function tokenMint(clock: ManualClock) {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const kid = await calculateJwkThumbprint(await exportJWK(publicKey));
  const policy = { issuer: "https://users.test", audience: "shop" };
  return {
    verifier: accessTokenVerifier({ ...policy, keys: fixedKeys(new Map([[kid, publicKey]])), clock }),
    issue: (account: keyof typeof accounts) =>
      new SignJWT({ client_id: "shop-web", scope: scopes[account] })
        .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid })
        .setIssuer(policy.issuer).setAudience(policy.audience).setSubject(accounts[account])
        .setJti("0198d6f0-0000-7000-8000-0000000000f1")
        .setIssuedAt(Math.floor(clock.nowMs() / 1000)).setExpirationTime(Math.floor(clock.nowMs() / 1000) + 600)
        .sign(privateKey),
  };
}

/** `users` in memory; `isAway` makes it unreachable, `added` has the key of every address that was asked for. */
function memoryUsers() {
  const state = { isAway: false, added: [] as string[], logins: [] as unknown[] };
  const owned = new Map<string, string[]>(
    (["mina", "joon"] as const).map((name) => [accounts[name], [addresses[name]]]),
  );
  const here = <T>(value: T): Promise<T> =>
    state.isAway
      ? Promise.reject(new UnavailableError('Cannot call "users": it is away', { dependency: "users" }))
      : Promise.resolve(value);
  const tokens = { accessToken: "a", refreshToken: "r", expiresInSeconds: 600, tokenType: "Bearer" as const };
  const client: UsersClient = {
    register: () => here(undefined),
    logIn: async (form) => {
      await here(undefined);
      state.logins.push(form);
      if (form.password !== "right") {
        throw new RefusalError({ status: 401, type: "wrong-credentials", title: "E-mail or password is wrong" });
      }
      return tokens;
    },
    refresh: () => here(tokens),
    logOut: () => here(undefined),
    readProfile: (customerId) =>
      here({ customerId, email: "mina@example.com", displayName: "Mina", role: "customer", registeredAt: "2026" }),
    addAddress: async (customerId, _form, key) => {
      await here(undefined);
      const isRepeat = state.added.includes(key);
      state.added.push(key);
      const addressRef = `0198d6f0-0000-7000-8000-0000000000b${state.added.indexOf(key) + 1}`;
      if (!isRepeat) owned.set(customerId, [...owned.get(customerId) ?? [], addressRef]);
      return addressRef;
    },
    listAddresses: (customerId) =>
      here({
        items: (owned.get(customerId) ?? []).map((addressRef) => ({
          addressRef,
          recipient: "Mina",
          lines: ["Jong-ro 1"],
          postalCode: "03154",
          city: "Seoul",
          countryCode: "KR",
        })),
      }),
    readJwks: () => here({ keys: [] }),
  };
  return { client, state };
}

/** The audit service in memory: repeats what it was asked. */
function memoryAudit() {
  const state = { status: 200, asked: [] as { path: string; headers: Record<string, string> }[] };
  const peers: PeerClient = {
    call: (peer, path, init = {}) => {
      if (peer !== "audit") return Promise.reject(new UnavailableError(`Cannot call "${peer}": it is away`));
      state.asked.push({ path, headers: Object.fromEntries(new Headers(init.headers)) });
      return Promise.resolve(Response.json({ items: [] }, { status: state.status }));
    },
  };
  return { peers, state };
}
