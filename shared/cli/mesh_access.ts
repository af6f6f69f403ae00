import type { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { call, type Send, type ServiceAddress } from "./service_client.ts";
import type { Session } from "./session.ts";

/** Reaches the internal ports of a mesh in the name of whoever is logged in. */
export interface MeshAccess {
  readonly services: readonly ServiceAddress[];
  /** @throws {CliError} As `call`. */
  get<S extends z.ZodType>(service: string, path: string, schema: S): Promise<z.output<S>>;
  /** @throws {CliError} As `call`. */
  post<S extends z.ZodType>(service: string, path: string, ask: { body: unknown; schema: S }): Promise<z.output<S>>;
}

/**
 * @param services Everything that commands may reach.
 */
export function meshAccess(
  services: readonly ServiceAddress[],
  { session, send }: { readonly session: Session; readonly send: Send },
): MeshAccess {
  const urlOf = (service: string, path: string) => new URL(path, selected({ services }, service)[0]!.url).href;
  return {
    services,
    get: async (service, path, schema) =>
      await call({ url: urlOf(service, path), target: service, schema, send, token: await session.token() }),
    post: async (service, path, { body, schema }) => {
      const token = await session.token();
      return await call({ url: urlOf(service, path), target: service, schema, send, token, method: "POST", body });
    },
  };
}

/**
 * Picks the services that a command is about.
 *
 * @param name Absent for all.
 * @throws {CliError} If there is none of that name.
 */
export function selected({ services }: Pick<MeshAccess, "services">, name?: string): readonly ServiceAddress[] {
  const found = services.filter((service) => name === undefined || service.name === name);
  if (found.length > 0) return found;
  const known = services.map((service) => service.name).join(", ");
  throw new CliError(exitCodes.usage, `Cannot find service "${name}": there are ${known}`);
}

/** What several services answered. */
export interface Gathered<T> {
  readonly answers: readonly { readonly service: string; readonly value: T }[];
  readonly failures: readonly CliError[];
}

/**
 * Asks several services at once; one that fails does not keep the others' answers back.
 *
 * @throws {CliError} If all of them fail: the first failure.
 */
export async function gather<T>(
  services: readonly ServiceAddress[],
  ask: (service: string) => Promise<T>,
): Promise<Gathered<T>> {
  const settled = await Promise.allSettled(services.map(({ name }) => ask(name)));
  const answers = settled.flatMap((one, at) =>
    one.status === "fulfilled" ? [{ service: services[at]!.name, value: one.value }] : []
  );
  const failures = settled.flatMap((one) => {
    if (one.status === "fulfilled") return [];
    if (one.reason instanceof CliError) return [one.reason];
    throw one.reason;
  });
  if (answers.length === 0 && failures.length > 0) throw failures[0];
  return { answers, failures };
}

/**
 * Ends a command that could not ask everybody, after it has shown what the others said.
 *
 * @throws {CliError} With all messages, if there are failures.
 */
export function assertAllAnswered({ failures }: Gathered<unknown>): void {
  const [first] = failures;
  if (first === undefined) return;
  throw new CliError(first.exitCode, failures.map(({ message }) => message).join("\n"));
}
