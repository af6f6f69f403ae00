import { errorText, UnavailableError } from "@mesh/base";
import type { Definitions } from "./definitions.ts";

/** Where a broker's management API is, as whom to call it, and for which vhost. */
export interface ManagementOptions {
  /** For example `http://127.0.0.1:15672`; user information in it is ignored. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
  /** Longest wait for one answer, 30,000 by default: an import may touch a thousand bindings. */
  readonly limitMs?: number;
  /** Attempts per call, 3 by default: now and then a busy broker never answers a call, and does answer its repetition. */
  readonly attemptsMax?: number;
}

type Method = "GET" | "PUT" | "POST" | "DELETE";

/** Calls RabbitMQ's management API for one vhost. */
export class ManagementClient {
  readonly #options: ManagementOptions;

  constructor(options: ManagementOptions) {
    this.#options = options;
  }

  get vhost(): string {
    return this.#options.vhost;
  }

  /** Who calls; has rights in the vhost that are no part of the topology. */
  get user(): string {
    return this.#options.user;
  }

  /** Creates the vhost with all rights for the caller; does nothing if it is there. */
  async createVhost(): Promise<void> {
    await this.call("PUT", "/api/vhosts/{vhost}");
    await this.call("PUT", `/api/permissions/{vhost}/${encodeURIComponent(this.user)}`, {
      configure: ".*",
      write: ".*",
      read: ".*",
    });
  }

  /** Deletes the vhost with everything in it; does nothing if there is none. */
  async deleteVhost(): Promise<void> {
    await this.call("DELETE", "/api/vhosts/{vhost}");
  }

  /**
   * Creates what the definitions describe and is not there yet. Repeats change nothing; nothing is deleted.
   *
   * In the order in which nothing is lost: queues, then bindings, then the right to publish. Topic permissions come
   * before permissions, because a user without the former may publish with every key, and one by one, because 4.x
   * brokers before 4.2 fail to import them.
   */
  async importDefinitions(definitions: Definitions): Promise<void> {
    const { users, exchanges, queues, policies, bindings, permissions, topic_permissions } = definitions;
    await this.call("POST", "/api/definitions", { users, exchanges, policies, queues });
    await this.call("POST", "/api/definitions", { bindings });
    for (const { user, exchange, write, read } of topic_permissions) {
      await this.call("PUT", `/api/topic-permissions/{vhost}/${encodeURIComponent(String(user))}`, {
        exchange,
        write,
        read,
      });
    }
    await this.call("POST", "/api/definitions", { permissions });
  }

  /**
   * Calls the API. A call that is not answered is made again, if repeating it does no harm.
   *
   * @param path Begins with `/api/`; `{vhost}` stands for the client's vhost.
   * @param body Sent as JSON if given.
   * @returns The parsed answer; `undefined` for an empty one, and for a `DELETE` of what is not there.
   * @throws {UnavailableError} On any other status, or if nothing answers in time; the message holds the answer's text.
   */
  async call(method: Method, path: string, body?: unknown): Promise<unknown> {
    const { attemptsMax = 3 } = this.#options;
    const isRepeatable = method !== "POST" || path === "/api/definitions";
    for (let attempt = 1;; attempt += 1) {
      try {
        return await this.#callOnce(method, path, body);
      } catch (error) {
        const isUnanswered = error instanceof Error && error.cause !== undefined;
        if (!isUnanswered || !isRepeatable || attempt >= attemptsMax) throw error;
      }
    }
  }

  async #callOnce(method: Method, path: string, body: unknown): Promise<unknown> {
    const { url, user, password, vhost, limitMs = 30_000 } = this.#options;
    const target = new URL(path.replace("{vhost}", encodeURIComponent(vhost)), new URL(url).origin);
    const failure = (state: string, cause?: unknown) =>
      new UnavailableError(`Cannot ${method} ${target.pathname} on RabbitMQ: ${state}`, {
        dependency: "rabbitmq",
        ...(cause === undefined ? {} : { cause }),
      });
    let response: Response;
    let text: string;
    try {
      response = await fetch(target, {
        method,
        headers: {
          authorization: `Basic ${btoa(`${user}:${password}`)}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(limitMs),
      });
      text = await response.text();
    } catch (cause) {
      throw failure(errorText(cause), cause);
    }
    if (method === "DELETE" && response.status === 404) return undefined;
    if (!response.ok) throw failure(`status ${response.status}, ${text.slice(0, 500)}`);
    return text === "" ? undefined : JSON.parse(text);
  }
}
