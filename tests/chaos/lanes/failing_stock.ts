/**
 * Loaded into the process of `inventory` ahead of its own main module (`deno run --preload`): whatever holds 7 units for an
 * order cannot be committed, and whatever holds 13 ends the process. The service itself is the shipped one.
 *
 * @module
 */
import { PostgresStore, type TurnWrites } from "@mesh/store";
import { unitsThatFail, unitsThatKill } from "./lane_shop.ts";

const { commit } = PostgresStore.prototype;

PostgresStore.prototype.commit = function (writes: TurnWrites) {
  const holds = (units: number) =>
    writes.events.some(({ type, data }) =>
      type === "inventory.stock-reserved" && (data as { readonly units: number }).units === units
    );
  if (holds(unitsThatKill)) Deno.kill(Deno.pid, "SIGKILL");
  return holds(unitsThatFail) ? Promise.reject(new Error("Cannot commit: planted")) : commit.call(this, writes);
};
