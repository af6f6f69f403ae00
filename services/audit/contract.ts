/**
 * What the audit service tells everyone: who has read its log. It takes no commands.
 *
 * @module
 */
import { z } from "zod";
import { defineEvent } from "@mesh/contract";

const Word = z.string().max(200);

/** What a reading was narrowed to; each absent where it was not. Pseudonyms and names of the mesh, never personal data. */
const Filters = z.object({
  id: Word.optional(),
  order: Word.optional(),
  correlation: Word.optional(),
  subject: Word.optional(),
  type: Word.optional(),
  signer: Word.optional(),
  actor: Word.optional(),
  kid: Word.optional(),
  /** ISO 8601. */
  from: Word.optional(),
  /** ISO 8601. */
  to: Word.optional(),
});

/** Somebody has read signed events; who that was is the event's own cause. */
export const EventsRead = defineEvent("audit.events-read", {
  version: 1,
  schema: z.object({
    log: z.string().min(1).max(200),
    filters: Filters,
    /** How many events were given out. */
    count: z.int().min(0),
  }),
  key: ({ log }) => log,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [EventsRead];
