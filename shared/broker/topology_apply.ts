import type { ManagementClient } from "./management.ts";
import type { TopologyFinding } from "./topology_finding.ts";
import type { BrokerTopology } from "./topology.ts";
import { correlationIntake, keyIntake } from "./topology_names.ts";

/** What became of a finding. */
export interface AppliedFinding {
  readonly finding: TopologyFinding;
  /** `mended`; `left` because it needs a hand; `kept` because it is foreign and removal was not asked for. */
  readonly outcome: "mended" | "left" | "kept";
}

/**
 * Mends what differs, one finding after the other, in their order.
 *
 * Dying half-way leaves a broker that another comparison describes and another run completes.
 *
 * @param findings From `topologyDiff`, just before: they say how many messages wait.
 * @param options.removesForeign Whether what is not in the topology is deleted, too.
 * @throws {UnavailableError} If the broker refuses a change; those before it are done.
 */
export async function applyTopology(
  client: ManagementClient,
  findings: readonly TopologyFinding[],
  { removesForeign }: { readonly removesForeign: boolean },
): Promise<readonly AppliedFinding[]> {
  const applied: AppliedFinding[] = [];
  for (const finding of findings) {
    const { state, change } = finding;
    if (state === "foreign" && !removesForeign) applied.push({ finding, outcome: "kept" });
    else if (change === undefined) applied.push({ finding, outcome: "left" });
    else {
      await client.call(change.method, change.path, change.body);
      applied.push({ finding, outcome: "mended" });
    }
  }
  return applied;
}

/**
 * Leaves out what leads into one service's mailbox, for a service that has fallen so far behind that its queues endanger
 * the broker. Commands for it come back to their senders and stay in their outboxes; events reach it by feed.
 *
 * @returns A topology to compare and apply with removal; applying the whole topology again attaches the service.
 */
export function detachedTopology(topology: BrokerTopology, service: string): BrokerTopology {
  const intakes = [keyIntake(service), correlationIntake(service)];
  const bindings = topology.bindings.filter(({ destination }) => !intakes.includes(destination));
  return { ...topology, bindings };
}
