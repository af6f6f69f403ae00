import { UnavailableError } from "@mesh/base";

/** Where a broker's management API is and who may use it. */
export interface ManagementAccess {
  /** For example `http://127.0.0.1:15672`, without a path and without user information. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** Definitions as the management API takes them; entries that belong to a vhost carry its name. */
export type Definitions = Readonly<Record<string, unknown>>;

/**
 * Reads a management URL with user information, as `MESH_RABBITMQ_MANAGEMENT_URL` has it.
 *
 * @example User and password come out of the URL
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { managementFromUrl } from "@mesh/testing/infra";
 *
 * assertEquals(managementFromUrl("http://admin:a%2Fb@127.0.0.1:15672"), {
 *   url: "http://127.0.0.1:15672",
 *   user: "admin",
 *   password: "a/b",
 * });
 * ```
 */
export function managementFromUrl(text: string): ManagementAccess {
  const url = new URL(text);
  return { url: url.origin, user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

/** Writes a management URL with user information; the opposite of `managementFromUrl`. */
export function urlFromManagement({ url, user, password }: ManagementAccess): string {
  const full = new URL(url);
  full.username = encodeURIComponent(user);
  full.password = encodeURIComponent(password);
  return full.href;
}

/** Gives an AMQP URL another vhost. */
export function withVhost(amqpUrl: string, vhost: string): string {
  const url = new URL(amqpUrl);
  url.pathname = `/${encodeURIComponent(vhost)}`;
  return url.href;
}

/** Gives an AMQP URL another user. */
export function withUser(amqpUrl: string, user: string, password: string): string {
  const url = new URL(amqpUrl);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  return url.href;
}

/**
 * Creates a vhost and gives the administrator all rights in it; does nothing if it exists.
 *
 * @throws {UnavailableError} If the broker refuses or does not answer.
 */
export async function createVhost(management: ManagementAccess, vhost: string): Promise<void> {
  const name = encodeURIComponent(vhost);
  await callManagement(management, { method: "PUT", path: `/api/vhosts/${name}` });
  await callManagement(management, {
    method: "PUT",
    path: `/api/permissions/${name}/${encodeURIComponent(management.user)}`,
    body: { configure: ".*", write: ".*", read: ".*" },
  });
}

/** Deletes a vhost with everything in it; does nothing if there is none. */
export async function deleteVhost(management: ManagementAccess, vhost: string): Promise<void> {
  await callManagement(management, {
    method: "DELETE",
    path: `/api/vhosts/${encodeURIComponent(vhost)}`,
    statusesTolerated: [404],
  });
}

/**
 * Creates what a definitions file describes, in one vhost. Repeats change nothing.
 *
 * @param vhost Takes the place of every vhost named in the file, so that many tests share a server.
 * @throws {UnavailableError} If the broker refuses or does not answer.
 */
export async function importDefinitions(
  management: ManagementAccess,
  vhost: string,
  definitions: Definitions,
): Promise<void> {
  await callManagement(management, { method: "POST", path: "/api/definitions", body: inVhost(definitions, vhost) });
}

/** Writes definitions for another vhost; users and global parameters stay as they are. */
export function inVhost(definitions: Definitions, vhost: string): Definitions {
  const entries = Object.entries(definitions).map(([section, value]) => {
    if (section === "vhosts") return [section, [{ name: vhost }]];
    if (!Array.isArray(value)) return [section, value];
    return [section, value.map((entry) => isInVhost(entry) ? { ...entry, vhost } : entry)];
  });
  return Object.fromEntries(entries);
}

/** A call of the management API. */
export interface ManagementCall {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Begins with `/api/`. */
  readonly path: string;
  /** Sent as JSON if given. */
  readonly body?: unknown;
  /** Statuses that are no failure although they are not 2xx. */
  readonly statusesTolerated?: readonly number[];
}

/**
 * Calls the management API.
 *
 * @returns The parsed answer, or `undefined` if it has no JSON body.
 * @throws {UnavailableError} On any other status, after 30 s, or if nothing answers; the message holds the answer's text.
 */
export async function callManagement(management: ManagementAccess, call: ManagementCall): Promise<unknown> {
  const { method, path, body, statusesTolerated = [] } = call;
  const response = await fetch(`${management.url}${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa(`${management.user}:${management.password}`)}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  }).catch((cause) => {
    throw new UnavailableError(`Cannot ${method} ${path} on RabbitMQ: no answer`, { cause, dependency: "rabbitmq" });
  });
  const text = await response.text();
  if (!response.ok && !statusesTolerated.includes(response.status)) {
    throw new UnavailableError(
      `Cannot ${method} ${path} on RabbitMQ: status ${response.status}, ${text.slice(0, 500)}`,
      { dependency: "rabbitmq" },
    );
  }
  return response.headers.get("content-type")?.includes("json") && text !== "" ? JSON.parse(text) : undefined;
}

function isInVhost(entry: unknown): entry is Record<string, unknown> {
  return typeof entry === "object" && entry !== null && "vhost" in entry;
}
