/**
 * Stands in for `shared/contract/read_schema.ts` while many schedules are played: what a schema has given out is what it
 * would give out again, so it is not read a second time by whoever receives it. `simulation_map.json` puts it there.
 *
 * @module
 */
import type { z } from "zod";
import { readSchema as readReally } from "@mesh/contract/read-schema";

/** What was given out, by which schema. */
const given = new Map<unknown, z.ZodType>();
let isPlain = false;

/** Forgets all that was read, and says whether everything is read each time from now on. */
export function beginReading(form: "plain" | "real"): void {
  given.clear();
  isPlain = form === "plain";
}

/** As the real one. */
export function readSchema<S extends z.ZodType>(schema: S, data: unknown): z.ZodSafeParseResult<z.output<S>> {
  if (isPlain && given.get(data) === schema) return { success: true, data: data as z.output<S> };
  const result = readReally(schema, data);
  if (isPlain && result.success && typeof result.data === "object" && result.data !== null) {
    given.set(result.data, schema);
  }
  return result;
}
