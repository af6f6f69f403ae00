import { UnavailableError } from "@mesh/base";
import { type TestShop, waitFor } from "../e2e/harness/mod.ts";
import { operatorOf } from "./operator.ts";

/** One row of a read model, as far as it must be the same whenever and however it was built. */
export interface ModelRow {
  readonly key: string;
  readonly owner: string;
  readonly sort: string;
  readonly seen: Readonly<Record<string, number>>;
  readonly row: unknown;
}

/** Reads the rows that readers use, by key. */
export async function readRows({ records }: TestShop, projection: string): Promise<readonly ModelRow[]> {
  return await records.sql("gateway")<ModelRow[]>`
    select key, owner, sort, seen, "row" from mesh.projection
    where projection = ${projection} and generation = coalesce(
      (select generation from mesh.projection_generation where projection = ${projection}), 1)
    order by key collate "C"`;
}

/** Drops a read model's rows and lets the gateway build it anew from the owners' feeds. */
export async function dropAndRebuild(test: TestShop, projection: string): Promise<void> {
  const { shop, records } = test;
  await records.sql("gateway")`delete from mesh.projection where projection = ${projection}`;
  const call = await operatorOf(shop);
  const path = `projections/${projection}/rebuild`;
  await call("gateway", path, { reason: "its rows were dropped" });
  await waitFor(`the rebuild of ${projection}`, async () => {
    const { status, error } = await call("gateway", path) as { status: string; error?: string };
    if (status === "failed") throw new UnavailableError(`Cannot rebuild ${projection}: ${error}`);
    return status === "done";
  }, 60_000);
}
