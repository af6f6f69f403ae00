// deno-lint-ignore-file mesh/no-console -- It tells its port to whoever has started it.
import { importJWK } from "jose";
import { type IdSource, systemClock, systemIds } from "@mesh/base";
import { type AnyCommand, destinationOf } from "@mesh/contract";
import { commandClaims, generateSigningKey, signEnvelope, type SigningKey } from "@mesh/envelope";
import { accessTokenVerifier, fixedKeys, keysFromJwks, type LocalCommand, silentLog } from "@mesh/runtime";
import { noWrites, type OutboxEntry, PostgresStore, type TurnWrites } from "@mesh/store";
import { postgresRequests } from "../adapters/postgres_requests.ts";
import { Admission } from "../admission.ts";
import { gatewayApp } from "../app.ts";
import { gatewayConfig } from "../config.ts";
import { orderReader } from "../order_reader.ts";
import { OrderWatch } from "../order_watch.ts";
import { readModels } from "../read_models.ts";
import type { UsersClient } from "../users_client.ts";
import { bareApp } from "./bare_app.ts";

/** What a contender is told when it is started, as JSON in its only argument. */
export interface ContenderOptions {
  readonly contender: "gateway" | "bare";
  readonly databaseUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly jwks: { readonly keys: readonly Record<string, string>[] };
}

/**
 * One side of the comparison, as a process of its own: serves until it is killed. Both sign with the same code and commit
 * with the same code; neither publishes, which happens beside the requests.
 */
if (import.meta.main) {
  const options = JSON.parse(Deno.args[0] ?? "") as ContenderOptions;
  const store = new PostgresStore({ url: options.databaseUrl, clock: systemClock, applicationName: options.contender });
  const app = options.contender === "gateway" ? await realGateway(store, options) : await bareGateway(store, options);
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(port),
  }, (request, info) => app.fetch(request, info));
}

/** Makes the outbox row of a command, as the runtime does. */
export type SignCommand = (command: AnyCommand, how: LocalCommand & { readonly id: string }) => OutboxEntry;

async function realGateway(store: PostgresStore, { issuer, audience, jwks }: ContenderOptions) {
  const [clock, ids] = [systemClock, systemIds()];
  const signCommand = signerOf(generateSigningKey("gateway").key, ids);
  // Limits are checked as always and reached by nobody.
  const config = gatewayConfig((name) => /RATE|BURST|UNANSWERED/.test(name) ? "1000000" : undefined);
  const requests = postgresRequests(store);
  const models = readModels(store, clock);
  const away = () => Promise.reject(new Error("Cannot measure: nobody but the database is asked"));
  return gatewayApp({
    config,
    requests,
    models,
    orders: orderReader(requests, models),
    watch: new OrderWatch({ models, clock, log: silentLog }),
    admission: new Admission({ readStatus: () => store.readStatus(), clock, unansweredMax: config.unansweredMax }),
    commands: {
      send: async (command, { commit = (writes: TurnWrites) => store.commit(writes), ...how } = {}) => {
        const id = how.id ?? ids.next();
        await commit({ ...noWrites, outbox: [signCommand(command, { ...how, id })] });
        return id;
      },
    },
    users: new Proxy({}, { get: () => away }) as UsersClient,
    peers: { call: away },
    accessTokens: accessTokenVerifier({ issuer, audience, clock, keys: fixedKeys(await keysFromJwks(jwks)) }),
    meshJwks: () => ({ keys: [] }),
    faults: () => Promise.resolve([]),
    clock,
    ids,
    log: silentLog,
  }).app;
}

async function bareGateway(store: PostgresStore, { issuer, audience, jwks }: ContenderOptions) {
  const ids = systemIds();
  return bareApp({
    store,
    ids,
    issuer,
    audience,
    key: await importJWK(jwks.keys[0]!, "EdDSA"),
    signCommand: signerOf(generateSigningKey("gateway").key, ids),
  });
}

function signerOf(key: SigningKey, ids: IdSource): SignCommand {
  return (message, { id, correlation = id, cause }) => {
    const facts = { message, id, service: key.service, correlation, causation: null, nowMs: systemClock.nowMs() };
    const { token } = signEnvelope(commandClaims({ ...facts, ...(cause === undefined ? {} : { cause }) }), key);
    return {
      id: ids.next(),
      kind: "command",
      messageId: id,
      type: message.type,
      ...destinationOf({ ...message, correlation }),
      correlation,
      orderKey: `gateway/${message.key}`,
      isMandatory: true,
      headers: {},
      envelope: token,
      sentCount: 0,
    };
  };
}
