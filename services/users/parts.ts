import type { Clock, IdSource } from "@mesh/base";
import type { AccountStore, AccountTurns } from "./account_store.ts";
import type { PasswordHasher } from "./passwords.ts";
import type { AccessTokenIssuer } from "./tokens.ts";

/** Everything that the service's operations stand on; all of it is given to them. */
export interface AccountParts {
  readonly store: AccountStore;
  readonly turns: AccountTurns;
  readonly hasher: PasswordHasher;
  /** PHC string of no account, with today's costs: an unknown address costs the time of a known one. */
  readonly decoyHash: string;
  readonly accessTokens: AccessTokenIssuer;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Draws that many unpredictable bytes. */
  readonly randomBytes: (count: number) => Uint8Array<ArrayBuffer>;
}
