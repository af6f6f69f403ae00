import { type Clock, ContractError } from "@mesh/base";
import type { FaultSource } from "./fault.ts";
import type { Direction, Line } from "./line.ts";
import { ArgumentReader, type Closing, encodeClose, encodeMethod, methods } from "./method.ts";
import { ProxiedChannel } from "./proxied_channel.ts";
import { type Unit, UnitReader } from "./unit.ts";
import { Valve } from "./valve.ts";

/** What a connection works with. */
export interface ProxiedConnectionOptions {
  readonly faults: FaultSource;
  readonly clock: Clock;
  /** Where bytes go; each call goes after the one before. */
  readonly write: (direction: Direction, bytes: Uint8Array) => void;
  /** Ends one side after everything that was written to it. */
  readonly end: (direction: Direction) => void;
  /** Longest interval of heartbeats that either side may be told, in seconds; the broker's own when absent. */
  readonly heartbeatMaxSeconds?: number;
}

/** Why a broker ends a connection in its own right. */
const reasons: readonly [Closing, Closing] = [
  { code: 320, text: "CONNECTION_FORCED - closed by the fault proxy" },
  { code: 541, text: "INTERNAL_ERROR" },
];
/** 2 s: longest wait for both sides' answers to a goodbye. */
const goodbyeLimitMs = 2_000;

/** One connection of a client, with faults; knows bytes, not sockets. */
export class ProxiedConnection {
  readonly #options: ProxiedConnectionOptions;
  readonly #readers = { "to-broker": new UnitReader(), "to-client": new UnitReader() };
  readonly #valves = { "to-broker": new Valve(), "to-client": new Valve() };
  readonly #channels = new Map<number, ProxiedChannel>();
  readonly #ended = new AbortController();
  readonly #line: Line;
  /** Who has answered the goodbye that the proxy has made up. */
  #goodbyes: Set<Direction> | undefined;
  #isOpen = false;
  #hearsCancel = false;
  #hearsBlocked = false;

  constructor(options: ProxiedConnectionOptions) {
    this.#options = options;
    this.#line = this.#lineOf();
  }

  /** Aborts once the connection is over for both sides. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Takes bytes of one side.
   *
   * @param direction Where they are going.
   */
  take(direction: Direction, chunk: Uint8Array): void {
    if (this.#ended.signal.aborted) return;
    try {
      for (const unit of this.#readers[direction].push(chunk)) {
        if (direction === "to-broker") this.#fromClient(unit);
        else this.#fromBroker(unit);
      }
    } catch (error) {
      // What cannot be read cannot be passed on in whole units; both sides see a lost connection.
      if (!(error instanceof ContractError)) throw error;
      this.#cut();
    }
  }

  /** One side has ended; the other one hears of it, after everything before. @param direction Where it was sending to. */
  finish(direction: Direction): void {
    this.#valves[direction].pass(() => this.#cut());
  }

  /** Ends both sides at once, whatever is held back. */
  end(): void {
    this.#cut();
  }

  #fromClient(unit: Unit): void {
    if (this.#goodbyes !== undefined) return this.#takeGoodbye("to-client", unit);
    if (unit.channel === 0) {
      if (unit.method === methods.connectionStartOk) this.#readCapabilities(unit);
      if (unit.method === methods.connectionClose) this.#isOpen = false;
      return this.#send("to-broker", unit.bytes);
    }
    // A second `channel.open` of a number is the first of a new channel, unless the old one is still being closed.
    const channel = this.#channels.get(unit.channel) ?? new ProxiedChannel(this.#line, unit.channel);
    this.#channels.set(unit.channel, channel);
    channel.fromClient(unit);
  }

  #fromBroker(unit: Unit): void {
    if (this.#goodbyes !== undefined) return this.#takeGoodbye("to-broker", unit);
    if (unit.channel !== 0) {
      const channel = this.#channels.get(unit.channel);
      return channel === undefined ? this.#send("to-client", unit.bytes) : channel.fromBroker(unit);
    }
    if (unit.method === methods.connectionTune) return this.#send("to-client", this.#tuned(unit));
    if (unit.method === methods.connectionOpenOk) this.#isOpen = true;
    if (unit.method === methods.connectionClose) this.#isOpen = false;
    this.#send("to-client", unit.bytes);
  }

  #readCapabilities({ args }: Unit): void {
    const text = new TextDecoder("latin1").decode(args);
    this.#hearsCancel = text.includes("consumer_cancel_notifyt\x01");
    this.#hearsBlocked = text.includes("connection.blockedt\x01");
  }

  #tuned(unit: Unit): Uint8Array {
    const { heartbeatMaxSeconds = Infinity } = this.#options;
    const reader = new ArgumentReader(unit.args);
    const [channelMax, frameHigh, frameLow, seconds] = [reader.short(), reader.short(), reader.short(), reader.short()];
    if (seconds <= heartbeatMaxSeconds && seconds > 0) return unit.bytes;
    const shorts = [channelMax, frameHigh, frameLow, heartbeatMaxSeconds === Infinity ? seconds : heartbeatMaxSeconds];
    return encodeMethod(0, methods.connectionTune, shorts.map((short) => ({ short })));
  }

  #send(direction: Direction, bytes: Uint8Array): void {
    this.#valves[direction].pass(() => {
      if (!this.#ended.signal.aborted) this.#options.write(direction, bytes);
    });
  }

  #cut(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#options.end("to-client");
    this.#options.end("to-broker");
  }

  /** @param onEnd What is said before what was held. */
  #hold(valves: readonly Valve[], durationMs: number, onEnd: () => void = () => {}): void {
    for (const valve of valves) valve.hold();
    void this.#options.clock.delay(durationMs, this.ended).then(() => {
      if (this.ended.aborted) return;
      onEnd();
      for (const valve of valves) valve.release();
    });
  }

  #stall(): void {
    const { faults } = this.#options;
    const stalled = faults.pick<readonly Direction[]>([["to-client"], ["to-broker"], ["to-client", "to-broker"]]);
    faults.note("stall");
    this.#hold(stalled.map((direction) => this.#valves[direction]), faults.whole(...faults.durations.stall));
  }

  #block(): void {
    const { faults } = this.#options;
    faults.note("block");
    this.#send("to-client", encodeMethod(0, methods.connectionBlocked, [{ shortText: "low on memory" }]));
    this.#hold(
      [this.#valves["to-broker"]],
      faults.whole(...faults.durations.block),
      () => this.#send("to-client", encodeMethod(0, methods.connectionUnblocked)),
    );
  }

  #close(): void {
    const { faults, clock } = this.#options;
    faults.note("close-connection");
    this.#isOpen = false;
    this.#goodbyes = new Set();
    this.#send("to-client", encodeClose(0, faults.pick(reasons)));
    this.#send("to-broker", encodeClose(0, { code: 200, text: "closed by the fault proxy" }));
    void clock.delay(goodbyeLimitMs, this.ended).then(() => this.#cut());
  }

  /** @param side Where answers to this unit go: who has sent it. */
  #takeGoodbye(side: Direction, { method }: Unit): void {
    if (method === methods.connectionClose) this.#send(side, encodeMethod(0, methods.connectionCloseOk));
    if (method !== methods.connectionCloseOk) return;
    this.#goodbyes!.add(side);
    if (this.#goodbyes!.size === 2) this.#cut();
  }

  #lineOf(): Line {
    const { faults, clock } = this.#options;
    const mayStrike = () =>
      this.#isOpen && !this.ended.aborted && !this.#valves["to-broker"].isHeld && !this.#valves["to-client"].isHeld;
    const hears = { cancel: () => this.#hearsCancel, blocked: () => this.#hearsBlocked };
    return {
      faults,
      clock,
      ended: this.ended,
      get mayStrike() {
        return mayStrike();
      },
      get hearsCancel() {
        return hears.cancel();
      },
      get hearsBlocked() {
        return hears.blocked();
      },
      send: (direction, bytes) => {
        // After `connection.close` nothing is said but its answers.
        if (this.#goodbyes === undefined) this.#send(direction, bytes);
      },
      cut: (direction, bytes) => {
        if (direction !== undefined && bytes !== undefined && !this.ended.aborted) {
          this.#options.write(direction, bytes.subarray(0, faults.whole(1, bytes.length - 1)));
        }
        this.#cut();
      },
      stall: () => this.#stall(),
      block: () => this.#block(),
      close: () => this.#close(),
      forget: (channel, next) => {
        this.#channels.delete(channel);
        for (const unit of next) this.#fromClient(unit);
      },
    };
  }
}
