import { ConfigError, systemClock, systemIds } from "@mesh/base";
import { runService } from "@mesh/runtime";
import { gatewayBuild } from "./build.ts";
import { service } from "./service.ts";

await runService(service, (name) => Deno.env.get(name), (wiring) => {
  const { accessTokens } = wiring;
  if (accessTokens === undefined) throw new ConfigError("Cannot start: ACCESS_TOKEN_* is not set");
  return gatewayBuild({ ...wiring, accessTokens }, systemClock, systemIds());
});
