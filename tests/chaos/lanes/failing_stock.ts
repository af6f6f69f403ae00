/**
 * Loaded into the process of `inventory` ahead of its own main module (`deno run --preload`): whatever holds 7 units for an
 * order cannot be committed. The service itself is the shipped one.
 *
 * @module
 */
import { PostgresStore, type TurnWrites } from "@mesh/store";
import { unitsThatFail } from "./lane_shop.ts";

const { commit } = PostgresStore.prototype;

PostgresStore.prototype.commit = function (writes: TurnWrites) {
  const fails = writes.events.some(({ type, data }) =>
    type === "inventory.stock-reserved" && (data as { readonly units: number }).units === unitsThatFail
  );
  return fails ? Promise.reject(new Error("Cannot commit: planted")) : commit.call(this, writes);
};
