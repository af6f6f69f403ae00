import type { Clock, IdSource } from "@mesh/base";
import type { AccessTokenVerifier, Log, PeerClient, RunningService } from "@mesh/runtime";
import type { Admission } from "./admission.ts";
import type { GatewayConfig } from "./config.ts";
import type { OrderReader } from "./order_reader.ts";
import type { OrderWatch } from "./order_watch.ts";
import type { ReadModels } from "./read_models.ts";
import type { Requests } from "./requests.ts";
import type { UsersClient } from "./users_client.ts";

/** Everything that the routes stand on; all of it is given to them. */
export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly requests: Requests;
  readonly models: ReadModels;
  readonly orders: OrderReader;
  readonly watch: OrderWatch;
  readonly admission: Admission;
  /** Signs commands and commits them; the runtime. */
  readonly commands: Pick<RunningService, "send">;
  readonly users: UsersClient;
  readonly peers: PeerClient;
  readonly accessTokens: AccessTokenVerifier;
  /** Public keys of the mesh's services. */
  readonly meshJwks: () => unknown;
  /** What keeps the gateway from answering; empty when nothing does. The broker is none of it. */
  readonly faults: () => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
}
