/**
 * How data is read against a schema: the one place, so that a simulation can exchange this module for one that does not
 * read again what it has just read.
 *
 * @module
 */
import type { z } from "zod";

/** As the schema's own `safeParse`. */
export function readSchema<S extends z.ZodType>(schema: S, data: unknown): z.ZodSafeParseResult<z.output<S>> {
  return schema.safeParse(data);
}
