import { cached } from "../cached.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import type { RouteTable } from "../route_table.ts";

/** Public keys, landing page data, health: what needs no token and is no part of the API. */
export function addWellKnownRoutes(
  table: RouteTable,
  { users, clock, meshJwks, faults }: Pick<GatewayParts, "users" | "clock" | "meshJwks" | "faults">,
): void {
  // As fresh as verifiers keep it; old keys go on being shown while `users` is away for an hour.
  const readJwks = cached(() => users.readJwks(), { clock, freshMs: 300_000, staleMaxMs: 3_600_000 });
  table.addPlain("public", "/.well-known/jwks.json", async (context) => {
    context.header("cache-control", "public, max-age=300");
    return context.json(await readJwks());
  });
  table.addPlain("public", "/.well-known/mesh-jwks.json", (context) => {
    context.header("cache-control", "public, max-age=300");
    return context.json(meshJwks());
  });
  table.addPlain("public", "/health/live", (context) => context.json({ service: "gateway", status: "live" }));
  table.addPlain("public", "/health/ready", async (context) => {
    const found = await faults();
    context.header("cache-control", "no-store");
    // What is wrong is told on the internal port.
    return found.length === 0
      ? context.json({ service: "gateway", status: "ready" })
      : context.json({ service: "gateway", status: "not-ready" }, 503);
  });
}
