import { isDeepStrictEqual } from "node:util";
import { permissionOf, topicPermissionsOf, userBody } from "./definitions.ts";
import type { LiveTopology } from "./live_topology.ts";
import { pathOf, type TopologyFinding } from "./topology_finding.ts";
import type { BrokerTopology } from "./topology.ts";

/** What the comparison needs besides the two sides. */
export interface TopologyDiffOptions {
  /** The administrator whose own rights are no finding. */
  readonly caller: string;
  /** For users that are missing, by name, made by `hashPassword`; without one the user must be made by hand. */
  readonly passwordHashes?: Readonly<Record<string, string>>;
}

/**
 * Compares who may do what; topic permissions before permissions, because a user without the former may publish with
 * every key.
 */
export function rightsFindings(
  desired: BrokerTopology,
  live: LiveTopology,
  options: TopologyDiffOptions,
): readonly TopologyFinding[] {
  return [
    ...userFindings(desired, live, options),
    ...topicPermissionFindings(desired, live),
    ...permissionFindings(desired, live, options),
  ];
}

function userFindings(
  desired: BrokerTopology,
  live: LiveTopology,
  { passwordHashes = {} }: TopologyDiffOptions,
): readonly TopologyFinding[] {
  return desired.users.filter(({ name }) => !live.users.includes(name)).map(({ name }): TopologyFinding => {
    const hash = passwordHashes[name];
    return {
      subject: "user",
      state: "missing",
      name,
      risk: hash === undefined
        ? "Its service cannot connect; making it needs a password."
        : "Its service cannot connect.",
      ...(hash === undefined
        ? {}
        : { change: { method: "PUT", path: `/api/users/${encodeURIComponent(name)}`, body: userBody(hash) } }),
    };
  });
}

function topicPermissionFindings(desired: BrokerTopology, live: LiveTopology): readonly TopologyFinding[] {
  return desired.users.flatMap((user) =>
    topicPermissionsOf(user).flatMap((body): TopologyFinding[] => {
      const { exchange, write, read } = body;
      const found = live.topicPermissions.find((held) => held.user === user.name && held.exchange === exchange);
      if (found !== undefined && found.write === write && found.read === read) return [];
      return [{
        subject: "topic-permission",
        state: found === undefined ? "missing" : "changed",
        name: `${user.name} on ${exchange}`,
        risk: found === undefined
          ? "None means all: the user may publish with every key there."
          : `The user may publish with "${found.write}" there.`,
        change: { method: "PUT", path: pathOf("topic-permissions", user.name), body },
      }];
    })
  );
}

function permissionFindings(
  desired: BrokerTopology,
  live: LiveTopology,
  { caller }: TopologyDiffOptions,
): readonly TopologyFinding[] {
  const wanted = new Set([caller, ...desired.users.map(({ name }) => name)]);
  return [
    ...desired.users.flatMap((user): TopologyFinding[] => {
      const { name } = user;
      const found = live.permissions.find((held) => held.user === name);
      const body = permissionOf(user);
      if (found !== undefined && isDeepStrictEqual({ ...found, user: name }, { user: name, ...body })) return [];
      return [{
        subject: "permission",
        state: found === undefined ? "missing" : "changed",
        name,
        risk: found === undefined
          ? "Its service may neither publish nor consume."
          : `The user may configure "${found.configure}", write "${found.write}", read "${found.read}".`,
        change: { method: "PUT", path: pathOf("permissions", name), body },
      }];
    }),
    ...live.permissions.filter(({ user }) => !wanted.has(user)).map(({ user, write, read }): TopologyFinding => ({
      subject: "permission",
      state: "foreign",
      name: user,
      risk: `A user that is no service may write "${write}" and read "${read}".`,
      change: { method: "DELETE", path: pathOf("permissions", user) },
    })),
  ];
}
