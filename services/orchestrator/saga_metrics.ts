import type { SagaTurnData } from "@mesh/saga";
import type { Store } from "@mesh/store";

/** The field of a saga's events that says that it waits longer than it should. */
const flag: keyof SagaTurnData = "needsAttention";

/**
 * Renders how many sagas have not ended, and how many of them need attention, in the text format of Prometheus.
 *
 * Counted by the database when somebody asks, so that every replica says the same and none remembers anything.
 *
 * @param service The host; its instances are those that `mesh sagas list` shows.
 * @returns Nothing while the database does not answer: an old figure would look like a new one.
 */
export async function renderSagaMetrics(service: string, store: Pick<Store, "countStreams">): Promise<string> {
  const counts = await store.countStreams({ prefix: `${service}/`, flag }).catch(() => undefined);
  if (counts === undefined) return "";
  const { openCount, flaggedCount } = counts;
  const name = "orchestrator_unfinished_sagas";
  return [
    `# HELP ${name} Sagas that have not ended, by whether they need attention`,
    `# TYPE ${name} gauge`,
    `${name}{service="${service}",needs_attention="false"} ${openCount - flaggedCount}`,
    `${name}{service="${service}",needs_attention="true"} ${flaggedCount}`,
    "",
  ].join("\n");
}
