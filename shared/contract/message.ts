/** What a message asks of its reader: to do something, or to know something. */
export type MessageKind = "command" | "event";

/**
 * One message in memory: what it is called, whom it is about, and what it says.
 *
 * It is data and nothing else, so decisions can be compared in tests.
 */
export interface Message<
  Kind extends MessageKind = MessageKind,
  Type extends string = string,
  Data = unknown,
> {
  readonly kind: Kind;
  readonly type: Type;
  /** Major version of the schema; at least 1. */
  readonly version: number;
  /** Key of the actor that the message is addressed to (command) or that recorded it (event). */
  readonly key: string;
  readonly data: Data;
  /**
   * Events only: ids of the commands that this event answers. Absent means "the command of this very turn"; an empty
   * list means "answers nothing" ({@link unanswering}); ids mean earlier commands ({@link answering}).
   */
  readonly re?: readonly string[];
  /** Commands only: ids of all attempts of the command that this one undoes. */
  readonly undoes?: readonly string[];
  /** Commands only: a moment on the database's clock, in milliseconds since 1970, after which it has no effect. */
  readonly expiresAtMs?: number;
}

/** Any message, for code that does not care which. */
// deno-lint-ignore no-explicit-any
export type AnyMessage = Message<MessageKind, string, any>;
/** Any command. */
// deno-lint-ignore no-explicit-any
export type AnyCommand = Message<"command", string, any>;
/** Any event. */
// deno-lint-ignore no-explicit-any
export type AnyEvent = Message<"event", string, any>;

/**
 * Says that an event answers commands that were handled in earlier turns.
 *
 * @param commandIds Message ids of those commands, kept by the actor from `context.messageId`; at least one.
 * @param event The answer.
 * @returns The same event, naming what it answers.
 */
export function answering<E extends AnyEvent>(commandIds: readonly string[], event: E): E {
  return { ...event, re: [...commandIds] };
}

/**
 * Says that an event, although recorded in a command's own turn, is not yet its answer.
 *
 * @param event An event that only notes progress; the actor answers later with {@link answering}.
 * @returns The same event, answering nothing.
 */
export function unanswering<E extends AnyEvent>(event: E): E {
  return { ...event, re: [] };
}
