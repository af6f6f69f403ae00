import type { AnyContract, ServiceDefinition } from "@mesh/contract";
import { describeSaga, type Saga } from "@mesh/saga";

/**
 * Writes the table of services.
 *
 * @returns Markdown; the formatter aligns it.
 */
export function serviceTable(services: readonly ServiceDefinition[]): string {
  const rows = services.map((service) => [
    `[${service.name}](services/${service.name})`,
    service.purpose,
    namesOf(service.accepts),
    namesOf(service.publishes),
    ownersOf(service),
  ]);
  return [
    ["Service", "Purpose", "Commands it accepts", "Events it publishes", "Hears events of"],
    ["---", "---", "---", "---", "---"],
    ...rows,
  ].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @returns Markdown with the picture of a saga. */
export function sagaPicture(saga: Saga): string {
  return `\`\`\`mermaid\n${describeSaga(saga)}\`\`\``;
}

function namesOf(contracts: readonly AnyContract[]): string {
  const names = contracts.map(({ type }) => `\`${type.slice(type.indexOf(".") + 1)}\``);
  return names.length === 0 ? "none" : names.join(", ");
}

function ownersOf({ name, subscribes, readsAllFeeds }: ServiceDefinition): string {
  if (readsAllFeeds === true) return "all, by feed";
  const owners = [...new Set(subscribes.map(({ event }) => event.service))].filter((owner) => owner !== name);
  return owners.length === 0 ? "nobody" : owners.sort().join(", ");
}
