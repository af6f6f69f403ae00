import { isDeepStrictEqual } from "node:util";
import { bindingBody, exchangeBody, policyBody, queueBody } from "./definitions.ts";
import type { LiveTopology } from "./live_topology.ts";
import { rightsFindings, type TopologyDiffOptions } from "./rights_diff.ts";
import { pathOf, type TopologyFinding } from "./topology_finding.ts";
import type { BrokerTopology } from "./topology.ts";

/**
 * Compares the topology with what a broker holds.
 *
 * @returns What differs, in the order in which mending it loses nothing: exchanges, policies, queues, bindings, and only
 * then the rights to publish; what is foreign comes last. Empty when both agree.
 */
export function topologyDiff(
  desired: BrokerTopology,
  live: LiveTopology,
  options: TopologyDiffOptions,
): readonly TopologyFinding[] {
  const findings = [
    ...exchangeFindings(desired, live),
    ...policyFindings(desired, live),
    ...queueFindings(desired, live),
    ...bindingFindings(desired, live),
    ...rightsFindings(desired, live, options),
  ];
  // What is foreign goes from the outside in: rights first, then routes, then what they lead to.
  const foreign = findings.filter(({ state }) => state === "foreign").reverse();
  return [...findings.filter(({ state }) => state !== "foreign"), ...foreign];
}

function exchangeFindings(desired: BrokerTopology, live: LiveTopology): readonly TopologyFinding[] {
  const held = new Map(live.exchanges.map((exchange) => [exchange.name, exchange]));
  const wanted = new Set(desired.exchanges.map(({ name }) => name));
  return [
    ...desired.exchanges.flatMap(({ name }): TopologyFinding[] => {
      const found = held.get(name);
      const subject = { subject: "exchange", name } as const;
      if (found === undefined) {
        const change = { method: "PUT", path: pathOf("exchanges", name), body: exchangeBody } as const;
        return [{ ...subject, state: "missing", risk: "What is published to it is refused.", change }];
      }
      if (found.type === exchangeBody.type && found.durable) return [];
      const risk = `It is a ${
        found.durable ? "durable" : "transient"
      } ${found.type} exchange, and cannot be changed in place.`;
      return [{ ...subject, state: "changed", risk }];
    }),
    ...live.exchanges.filter(({ name }) => !wanted.has(name)).map(({ name }): TopologyFinding => ({
      subject: "exchange",
      state: "foreign",
      name,
      risk: "Nobody of the mesh uses it; deleting it ends its bindings.",
      change: { method: "DELETE", path: pathOf("exchanges", name) },
    })),
  ];
}

function policyFindings(desired: BrokerTopology, live: LiveTopology): readonly TopologyFinding[] {
  const held = new Map(live.policies.map((policy) => [policy.name, policy]));
  const wanted = new Set(desired.policies.map(({ name }) => name));
  return [
    ...desired.policies.flatMap((policy): TopologyFinding[] => {
      const { name } = policy;
      const body = policyBody(policy);
      const { name: _, ...found } = held.get(name) ?? { name: undefined };
      if (isDeepStrictEqual(found, body)) return [];
      return [{
        subject: "policy",
        state: held.has(name) ? "changed" : "missing",
        name,
        risk: "Its queues lack their limits: what fails may be dropped instead of dead-lettered, or never come back.",
        change: { method: "PUT", path: pathOf("policies", name), body },
      }];
    }),
    ...live.policies.filter(({ name }) => !wanted.has(name)).map(({ name, pattern }): TopologyFinding => ({
      subject: "policy",
      state: "foreign",
      name,
      risk: `One policy acts on a queue: it may put those of "${pattern}" out of force.`,
      change: { method: "DELETE", path: pathOf("policies", name) },
    })),
  ];
}

function queueFindings(desired: BrokerTopology, live: LiveTopology): readonly TopologyFinding[] {
  const held = new Map(live.queues.map((queue) => [queue.name, queue]));
  const wanted = new Set(desired.queues.map(({ name }) => name));
  return [
    ...desired.queues.flatMap((queue): TopologyFinding[] => {
      const { name } = queue;
      const found = held.get(name);
      const body = queueBody(queue);
      if (found === undefined) {
        const change = { method: "PUT", path: pathOf("queues", name), body } as const;
        return [{
          subject: "queue",
          state: "missing",
          name,
          risk: "Its service hears nothing that is meant for it.",
          change,
        }];
      }
      if (found.durable && isDeepStrictEqual(found.arguments, body.arguments)) return [];
      const risk = `It was made with other arguments, which cannot be changed in place; ${waiting(found.messages)} ` +
        "Let its service drain it, delete it, and apply again.";
      return [{ subject: "queue", state: "changed", name, risk }];
    }),
    ...live.queues.filter(({ name }) => !wanted.has(name)).map(({ name, messages }): TopologyFinding => ({
      subject: "queue",
      state: "foreign",
      name,
      risk: messages === 0 ? "It is empty." : `${waiting(messages)} Deleting it would lose them.`,
      ...(messages === 0 ? { change: { method: "DELETE", path: pathOf("queues", name) } } : {}),
    })),
  ];
}

function bindingFindings(desired: BrokerTopology, live: LiveTopology): readonly TopologyFinding[] {
  const nameOf = (source: string, key: string, destination: string) => `${source} -${key}-> ${destination}`;
  const held = new Set(live.bindings.map((found) => nameOf(found.source, found.routing_key, found.destination)));
  const wanted = new Set(
    desired.bindings.map(({ source, pattern, destination }) => nameOf(source, pattern, destination)),
  );
  return [
    ...desired.bindings.flatMap((binding): TopologyFinding[] => {
      const { source, pattern, destination, destinationType } = binding;
      const name = nameOf(source, pattern, destination);
      if (held.has(name)) return [];
      const { routing_key, arguments: args } = bindingBody(binding);
      return [{
        subject: "binding",
        state: "missing",
        name,
        risk: "Commands for it are returned; events for it are confirmed, lost on this way and heard by feed only.",
        change: {
          method: "POST",
          path: bindingPath({ source, destination, destinationType }),
          body: { routing_key, arguments: args },
        },
      }];
    }),
    ...live.bindings.flatMap((found): TopologyFinding[] => {
      const { source, destination, destination_type: destinationType, routing_key, properties_key } = found;
      const name = nameOf(source, routing_key, destination);
      if (wanted.has(name)) return [];
      const path = `${bindingPath({ source, destination, destinationType })}/${encodeURIComponent(properties_key)}`;
      const risk = "It brings messages where the topology wants none, or twice where a slot has moved.";
      return [{ subject: "binding", state: "foreign", name, risk, change: { method: "DELETE", path } }];
    }),
  ];
}

function waiting(messages: number | undefined): string {
  if (messages === undefined) return "How many messages wait in it is unknown.";
  return messages === 0 ? "No message waits in it." : `${messages} messages wait in it.`;
}

function bindingPath(
  { source, destination, destinationType }: {
    readonly source: string;
    readonly destination: string;
    readonly destinationType: "queue" | "exchange";
  },
): string {
  const kind = destinationType === "queue" ? "q" : "e";
  return `/api/bindings/{vhost}/e/${encodeURIComponent(source)}/${kind}/${encodeURIComponent(destination)}`;
}
