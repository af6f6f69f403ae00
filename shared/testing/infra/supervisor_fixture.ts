/** Starts a database, says so and waits to be killed; run by `postgres_process_int_test.ts`. */
import { startInfra } from "./start_infra.ts";

const stateDir = Deno.args[0]!;
await using _infra = await startInfra({ wants: ["postgres"], mode: "local", stateDir });
console.log("ready");
await new Promise((resolve) => Deno.addSignalListener("SIGTERM", () => resolve(undefined)));
