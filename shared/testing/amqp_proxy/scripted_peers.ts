import { ManualClock } from "@mesh/base";
import { type FaultDurations, type FaultName, FaultSource } from "./fault.ts";
import { encodeFrame, frameTypes, joined } from "./frame.ts";
import type { Direction } from "./line.ts";
import { type Argument, ArgumentReader, encodeMethod, type MethodId, methods } from "./method.ts";
import { ProxiedConnection } from "./proxied_connection.ts";
import { type Unit, UnitReader } from "./unit.ts";

/** How both sides are set up. */
export interface ScriptedPeersOptions {
  readonly durations?: Partial<FaultDurations>;
  readonly heartbeatMaxSeconds?: number;
}

/** A client and a broker that say what a test lets them say, and write down what they hear; channel 1 is open. */
export class ScriptedPeers {
  readonly clock = new ManualClock();
  readonly faults: FaultSource;
  readonly connection: ProxiedConnection;
  readonly #readers = { "to-client": new UnitReader(), "to-broker": new UnitReader() };
  readonly #heard = { "to-client": [] as string[], "to-broker": [] as string[] };
  readonly #bytes = { "to-client": [] as Uint8Array[], "to-broker": [] as Uint8Array[] };
  readonly #ended = new Set<Direction>();

  constructor({ durations = {}, heartbeatMaxSeconds }: ScriptedPeersOptions = {}) {
    this.faults = new FaultSource(1, {}, durations);
    this.connection = new ProxiedConnection({
      faults: this.faults,
      clock: this.clock,
      write: (direction, bytes) => this.#hear(direction, bytes),
      end: (direction) => this.#ended.add(direction),
      ...(heartbeatMaxSeconds === undefined ? {} : { heartbeatMaxSeconds }),
    });
    this.client(new TextEncoder().encode("AMQP\x00\x00\x09\x01"), said.startOk);
    this.broker(said.tune);
    this.broker(encodeMethod(0, methods.connectionOpenOk, [{ shortText: "" }]));
    this.client(said.channelOpen);
    this.forget();
  }

  /** What the client has heard since the last look. */
  get clientHeard(): readonly string[] {
    return this.#heard["to-client"].splice(0);
  }

  /** What the broker has heard since the last look. */
  get brokerHeard(): readonly string[] {
    return this.#heard["to-broker"].splice(0);
  }

  /** Whether both sides have seen the end of the connection. */
  get isCut(): boolean {
    return this.#ended.size === 2;
  }

  /** Everything that one side has got, byte for byte. */
  bytesOf(direction: Direction): Uint8Array {
    return joined(this.#bytes[direction]);
  }

  /** The client says something. */
  client(...frames: readonly Uint8Array[]): void {
    for (const bytes of frames) this.connection.take("to-broker", bytes);
  }

  /** The broker says something. */
  broker(...frames: readonly Uint8Array[]): void {
    for (const bytes of frames) this.connection.take("to-client", bytes);
  }

  /** Opens confirm mode. */
  confirms(): void {
    this.client(encodeMethod(1, methods.confirmSelect, [{ octet: 0 }]));
    this.forget();
  }

  /** Begins consumer `tag`. */
  consumes(tag: string): void {
    this.broker(encodeMethod(1, methods.basicConsumeOk, [{ shortText: tag }]));
    this.forget();
  }

  /** Nobody has heard anything so far. */
  forget(): void {
    for (const direction of ["to-client", "to-broker"] as const) {
      this.#heard[direction].length = 0;
      this.#bytes[direction].length = 0;
    }
  }

  /** How often a fault has struck. */
  countOf(fault: FaultName): number {
    return this.faults.fired[fault];
  }

  #hear(direction: Direction, bytes: Uint8Array): void {
    this.#bytes[direction].push(bytes);
    this.#heard[direction].push(...this.#readers[direction].push(bytes).map(wordsOf));
  }
}

const flagsOf = (flags: number) => [{ octet: flags }];

/** A boolean in a table. */
const isTrue = [{ octet: "t".charCodeAt(0) }, { octet: 1 }];

/** What peers say. */
export const said = Object.freeze({
  /** With the part of the client's properties that the proxy looks for. */
  startOk: encodeMethod(
    0,
    methods.connectionStartOk,
    ["consumer_cancel_notify", "connection.blocked"].flatMap((name) => [{ shortText: name }, ...isTrue]),
  ),
  /** 2,047 channels, frames of 128 KiB, heartbeats every 60 s. */
  tune: encodeMethod(0, methods.connectionTune, [{ short: 2047 }, { short: 2 }, { short: 0 }, { short: 60 }]),
  channelOpen: encodeMethod(1, methods.channelOpen, [{ shortText: "" }]),
  closeOk: encodeMethod(0, methods.connectionCloseOk),
  channelCloseOk: encodeMethod(1, methods.channelCloseOk),
  cancelOk: (tag: string) => encodeMethod(1, methods.basicCancelOk, [{ shortText: tag }]),
  publish: (routingKey: string, isMandatory = false) =>
    withContent(methods.basicPublish, [
      { short: 0 },
      { shortText: "mesh.commands" },
      { shortText: routingKey },
      ...flagsOf(isMandatory ? 1 : 0),
    ], routingKey),
  deliver: (consumerTag: string, deliveryTag: number) =>
    withContent(methods.basicDeliver, [
      { shortText: consumerTag },
      { longLong: deliveryTag },
      ...flagsOf(0),
      { shortText: "mesh.commands" },
      { shortText: "a" },
    ], `delivery ${deliveryTag}`),
  ack: (tag: number, isMultiple = false) => answer(methods.basicAck, tag, isMultiple),
  refusal: (tag: number) => answer(methods.basicNack, tag, false),
});

function answer(method: MethodId, tag: number, isMultiple: boolean): Uint8Array {
  return encodeMethod(1, method, [{ longLong: tag }, ...flagsOf(isMultiple ? 1 : 0)]);
}

/** A method on channel 1 with a body in two frames. */
function withContent(method: MethodId, args: readonly Argument[], text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const header = new Uint8Array(14);
  new DataView(header.buffer).setUint16(0, 60);
  new DataView(header.buffer).setBigUint64(4, BigInt(body.length));
  return joined([
    encodeMethod(1, method, args),
    encodeFrame(frameTypes.header, 1, header),
    encodeFrame(frameTypes.body, 1, body.subarray(0, 1)),
    ...(body.length > 1 ? [encodeFrame(frameTypes.body, 1, body.subarray(1))] : []),
  ]);
}

/** Says in short what a unit says. */
function wordsOf({ method, args }: Unit): string {
  const reader = new ArgumentReader(args);
  const name = Object.entries(methods).find(([, id]) => id === method)?.[0] ?? "other";
  switch (method) {
    case methods.basicPublish:
      reader.short();
      reader.shortText();
      return `${name} ${reader.shortText()}`;
    case methods.basicReturn:
      return `${name} ${reader.short()} ${[reader.shortText(), reader.shortText(), reader.shortText()].join(" ")}`;
    case methods.basicDeliver:
      return `${name} ${reader.shortText()} ${reader.longLong()}`;
    case methods.basicAck:
    case methods.basicNack:
    case methods.basicReject:
      return `${name} ${reader.longLong()}${reader.octet() === 1 ? " and more" : ""}`;
    case methods.basicCancel:
    case methods.connectionBlocked:
      return `${name} ${reader.shortText()}`;
    case methods.channelClose:
    case methods.connectionClose:
      return `${name} ${reader.short()}`;
    case methods.connectionTune:
      return `${name} ${[reader.short(), reader.short(), reader.short(), reader.short()].join(" ")}`;
    default:
      return name;
  }
}
