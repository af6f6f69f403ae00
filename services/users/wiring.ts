import { behaviourOf } from "@mesh/actor";
import { errorText, systemClock, systemIds } from "@mesh/base";
import { callerOnly, type RunningService, type ServiceBuild, type Wiring } from "@mesh/runtime";
import { openAccounts } from "./accounts.ts";
import { users } from "./actor.ts";
import { postgresAccountStore } from "./adapters/postgres_account_store.ts";
import { runtimeTurns } from "./adapters/runtime_turns.ts";
import { usersApp } from "./app.ts";
import { usersConfig } from "./config.ts";
import type { AccountParts } from "./parts.ts";
import { passwordHasher } from "./passwords.ts";
import { readSeedFile } from "./seed.ts";
import { startUp } from "./start_up.ts";
import { readTokenKeys } from "./token_keys.ts";
import { accessTokenIssuer } from "./tokens.ts";

/**
 * Makes the service from what the runtime has connected.
 *
 * @throws {ConfigError} If the environment or one of the files it names is wrong.
 */
export async function buildUsers({ env, store, log, verifyCall }: Wiring): Promise<ServiceBuild> {
  const config = usersConfig(env);
  const tokenKeys = await readTokenKeys(await Deno.readTextFile(config.tokenKeyFile));
  const seeds = config.seedFile === undefined ? [] : readSeedFile(await Deno.readTextFile(config.seedFile));
  const [clock, ids] = [systemClock, systemIds()];
  const hasher = passwordHasher({ randomBytes });
  const decoyHash = await hasher.hash(randomBytes(32).toHex());
  const partsOf = (running: RunningService): AccountParts => ({
    store: postgresAccountStore(store),
    turns: runtimeTurns(running, store),
    hasher,
    decoyHash,
    accessTokens: accessTokenIssuer({ ...config, keys: tokenKeys, clock, ids }),
    clock,
    ids,
    randomBytes,
  });
  const faults = new Set(["accounts: the start is not done"]);
  return {
    behaviour: behaviourOf(users),
    viewOf: (state) => state,
    faults: () => [...faults],
    routes: (running) =>
      usersApp({
        accounts: openAccounts(partsOf(running)),
        tokenKeys,
        allow: (...callers) => callerOnly(verifyCall, callers),
        onDefect: (error) => log.error("Request failed: {error}", { error: errorText(error) }),
      }),
    tasks: [(running, signal) =>
      startUp(partsOf(running), seeds, signal).then(() => faults.clear(), (error) => {
        log.error("Cannot do what the start needs: {error}", { error: errorText(error) });
      })],
  };
}

function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(count));
}
