import type { z } from "zod";
import { ContractError } from "@mesh/base";
import type { Message, MessageKind } from "./message.ts";
import { readSchema } from "./read_schema.ts";

/** The published definition of one message; call it to make a message. */
export interface Contract<
  Kind extends MessageKind = MessageKind,
  Type extends string = string,
  Schema extends z.ZodType = z.ZodType,
> {
  /**
   * Makes a message.
   *
   * @throws {ContractError} If the data breaks the schema.
   */
  (data: z.input<Schema>): Message<Kind, Type, z.output<Schema>>;
  readonly kind: Kind;
  /** `<service>.<kebab-name>`; the service owns the contract. */
  readonly type: Type;
  /** Major version, from 1. Within a version fields may only be added, and only optional ones. */
  readonly version: number;
  readonly schema: Schema;
  /** The service that handles the command, or that alone may say the event. */
  readonly service: string;
  /** Reads the actor key from the data, so that a sender needs only the contract. */
  readonly keyOf: (data: z.output<Schema>) => string;
}

/** Any contract, for code that is generic over contracts. */
// deno-lint-ignore no-explicit-any
export type AnyContract = Contract<any, string, any>;
/** Contract of any command. */
// deno-lint-ignore no-explicit-any
export type CommandContract = Contract<"command", string, any>;
/** Contract of any event. */
// deno-lint-ignore no-explicit-any
export type EventContract = Contract<"event", string, any>;

/** What the messages of a contract say. */
export type DataOf<C> = C extends Contract<MessageKind, string, infer S> ? z.output<S> : never;
/** The messages of a contract. */
export type MessageOf<C> = C extends Contract<infer K, infer T, infer S> ? Message<K, T, z.output<S>> : never;

/** What a contract is made of, besides its name. */
export interface ContractOptions<S extends z.ZodType> {
  /** Major version, from 1. */
  readonly version: number;
  readonly schema: S;
  /** Reads the actor key from the data; 1 to 200 characters without spaces. */
  readonly key: (data: z.output<S>) => string;
}

/**
 * Defines a command: it asks one service to do something. Name it in the imperative.
 *
 * @param type `<service>.<kebab-name>`; the service is the one that handles it.
 * @returns The contract; call it to make a message.
 * @throws {ContractError} If the name or version is malformed.
 *
 * @example A command is its schema, its type and its constructor
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { z } from "zod";
 * import { defineCommand } from "@mesh/contract";
 *
 * const ReserveStock = defineCommand("inventory.reserve-stock", {
 *   version: 1,
 *   schema: z.object({ sku: z.string(), units: z.int().min(1) }),
 *   key: ({ sku }) => sku,
 * });
 * assertEquals(ReserveStock({ sku: "TEA-0001", units: 2 }).key, "TEA-0001");
 * ```
 */
export function defineCommand<const T extends string, S extends z.ZodType>(
  type: T,
  options: ContractOptions<S>,
): Contract<"command", T, S> {
  return contract("command", type, options);
}

/**
 * Defines an event: it says what happened, refusals included. Name it in the past tense.
 *
 * @param type `<service>.<kebab-name>`; the service is the only one that may say it.
 * @returns The contract; call it to make a message.
 * @throws {ContractError} If the name or version is malformed.
 */
export function defineEvent<const T extends string, S extends z.ZodType>(
  type: T,
  options: ContractOptions<S>,
): Contract<"event", T, S> {
  return contract("event", type, options);
}

/**
 * Reads data that came from outside against a contract; unknown fields are dropped.
 *
 * @returns The data as the contract describes it.
 * @throws {ContractError} If the data breaks the schema; the message names the first offending path.
 */
export function parseData<C extends AnyContract>(contract: C, data: unknown): DataOf<C> {
  const result = readSchema<z.ZodType>(contract.schema, data);
  if (result.success) return result.data as DataOf<C>;
  const issue = result.error.issues[0];
  throw new ContractError(
    `Cannot read data of "${contract.type}#${contract.version}": ${issue?.path.join(".") || "data"}: ${issue?.message}`,
    { reason: "schema", cause: result.error },
  );
}

function contract<K extends MessageKind, const T extends string, S extends z.ZodType>(
  kind: K,
  type: T,
  { version, schema, key }: ContractOptions<S>,
): Contract<K, T, S> {
  if (!typePattern.test(type)) {
    throw new ContractError(`Cannot define "${type}": a type is <service>.<kebab-name> in lower case`);
  }
  if (!Number.isInteger(version) || version < 1) {
    throw new ContractError(`Cannot define "${type}": version must be a positive integer, found ${version}`);
  }
  const make = (input: z.input<S>): Message<K, T, z.output<S>> => {
    const data = parseData(made, input) as z.output<S>;
    const actorKey = key(data);
    if (!keyPattern.test(actorKey)) {
      throw new ContractError(`Cannot make "${type}": key "${actorKey}" is empty, too long or holds a space`);
    }
    return Object.freeze({ kind, type, version, key: actorKey, data });
  };
  const service = type.slice(0, type.indexOf("."));
  const made: Contract<K, T, S> = Object.assign(make, { kind, type, version, schema, service, keyOf: key });
  return Object.freeze(made);
}

const typePattern = /^[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,60}$/;
const keyPattern = /^[^\s]{1,200}$/;
