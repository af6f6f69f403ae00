import type { FaultName } from "./fault.ts";
import { ConfirmLedger, type Verdict } from "./confirm_ledger.ts";
import type { Line } from "./line.ts";
import { ArgumentReader, encodeConfirm, encodeMethod, methods } from "./method.ts";
import { joined } from "./frame.ts";
import type { Unit } from "./unit.ts";

/** What a publish says of itself. */
export interface Publish {
  readonly unit: Unit;
  readonly exchange: string;
  readonly routingKey: string;
  readonly isMandatory: boolean;
}

interface Parked {
  readonly publish: Publish;
  readonly tag: number;
}

/** 50 ms: how long a publish waits to be overtaken; then it goes on as if nothing had been. */
const overtakeLimitMs = 50;
/** 312: no queue takes it. */
const noRoute = 312;

/** Reads the arguments of `basic.publish`. */
export function readPublish(unit: Unit): Publish {
  const reader = new ArgumentReader(unit.args);
  reader.short();
  const [exchange, routingKey] = [reader.shortText(), reader.shortText()];
  return { unit, exchange, routingKey, isMandatory: (reader.octet() & 1) === 1 };
}

/** Publishes and confirms of one channel in confirm mode. */
export class PublishSide {
  readonly #line: Line;
  readonly #channel: number;
  readonly #ledger = new ConfirmLedger();
  #parked: Parked | undefined;
  /** A confirm that waits to be overtaken. */
  #parkedVerdict: Verdict | undefined;
  #isOver = false;

  constructor(line: Line, channel: number) {
    this.#line = line;
    this.#channel = channel;
  }

  /** Whether a publish waits to be overtaken; the next one suffers nothing else. */
  get isParking(): boolean {
    return this.#parked !== undefined;
  }

  /** Takes a publish of the client, which suffers a fault or none. */
  publish(publish: Publish, fault: FaultName | undefined): void {
    const tag = this.#ledger.arrive();
    if (this.#parked !== undefined) return this.#passParked(this.#parked, { publish, tag });
    switch (fault) {
      case "return-publish":
        return this.#return(publish, tag);
      case "reorder-publishes":
        return this.#park(publish, tag);
      case "duplicate-publish":
        this.#send(publish, tag);
        return this.#sendAgain(publish, tag);
      default:
        return this.#send(publish, tag);
    }
  }

  /** Takes an answer of the broker to publishes. */
  confirm({ method, args }: Unit): void {
    const reader = new ArgumentReader(args);
    const [tag, isMultiple] = [reader.longLong(), (reader.octet() & 1) === 1];
    const now: Verdict[] = [];
    for (const verdict of this.#ledger.settle({ tag, isMultiple, isNack: method === methods.basicNack })) {
      const judged = verdict.isNack || !this.#line.mayStrike ? verdict : this.#judge(verdict);
      if (judged !== undefined) now.push(judged);
    }
    this.#tell(now);
  }

  /** The client ends the channel: what waits goes before. */
  finish(): void {
    if (this.#parked !== undefined) this.#send(this.#parked.publish, this.#parked.tag);
    this.drop();
  }

  /** The channel is over: nothing more is sent or told. */
  drop(): void {
    this.#isOver = true;
    this.#parked = undefined;
  }

  #send({ unit }: Publish, tag: number): void {
    this.#ledger.send(tag);
    this.#line.send("to-broker", unit.bytes);
  }

  /** The copy is not mandatory: one return is enough. */
  #sendAgain({ unit }: Publish, tag: number): void {
    const { channel, args, content } = unit;
    // The last octet holds the flags: mandatory and immediate.
    const flags = [...args.subarray(0, -1)].map((octet) => ({ octet }));
    const copy = encodeMethod(channel, methods.basicPublish, [...flags, { octet: 0 }]);
    this.#ledger.send(tag);
    this.#line.send("to-broker", joined([copy, content]));
    this.#line.faults.note("duplicate-publish");
  }

  #return({ unit: { channel, content }, exchange, routingKey }: Publish, tag: number): void {
    const texts = ["NO_ROUTE", exchange, routingKey].map((shortText) => ({ shortText }));
    const method = encodeMethod(channel, methods.basicReturn, [{ short: noRoute }, ...texts]);
    this.#line.send("to-client", joined([method, content]));
    this.#tell([{ tag, isNack: false }]);
    this.#line.faults.note("return-publish");
  }

  /** Messages of one exchange and routing key keep their order; no broker changes that. */
  #passParked(parked: Parked, { publish, tag }: Parked): void {
    const isOvertaken = publish.exchange !== parked.publish.exchange ||
      publish.routingKey !== parked.publish.routingKey;
    this.#parked = undefined;
    if (!isOvertaken) this.#send(parked.publish, parked.tag);
    this.#send(publish, tag);
    if (!isOvertaken) return;
    this.#line.faults.note("reorder-publishes");
    this.#send(parked.publish, parked.tag);
  }

  #park(publish: Publish, tag: number): void {
    const parked = { publish, tag };
    this.#parked = parked;
    this.#after(overtakeLimitMs, () => {
      if (this.#parked !== parked) return;
      this.#parked = undefined;
      this.#send(publish, tag);
    });
  }

  /** @returns The verdict to tell now, if any. */
  #judge(verdict: Verdict): Verdict | undefined {
    const { faults } = this.#line;
    const { delayConfirm, dropConfirm } = faults.durations;
    const fault = faults.draw(["drop-confirm", "nack-confirm", "delay-confirm", "reorder-confirms"]);
    switch (fault) {
      case "drop-confirm":
        faults.note(fault);
        // The channel may be gone by then; the connection ends all the same.
        void this.#line.clock.delay(faults.whole(...dropConfirm), this.#line.ended).then(() => this.#line.cut());
        return undefined;
      case "nack-confirm":
        faults.note(fault);
        return { ...verdict, isNack: true };
      case "delay-confirm":
        faults.note(fault);
        this.#after(faults.whole(...delayConfirm), () => this.#tell([verdict]));
        return undefined;
      case "reorder-confirms":
        if (this.#parkedVerdict !== undefined) return verdict;
        this.#parkedVerdict = verdict;
        this.#after(overtakeLimitMs, () => {
          if (this.#parkedVerdict !== verdict) return;
          this.#parkedVerdict = undefined;
          this.#tell([verdict]);
        });
        return undefined;
      default:
        return verdict;
    }
  }

  #tell(verdicts: readonly Verdict[]): void {
    if (this.#isOver || verdicts.length === 0) return;
    this.#answer(verdicts);
    const parked = this.#parkedVerdict;
    if (parked === undefined || !verdicts.some(({ tag }) => tag > parked.tag)) return;
    this.#parkedVerdict = undefined;
    this.#line.faults.note("reorder-confirms");
    this.#answer([parked]);
  }

  #answer(verdicts: readonly Verdict[]): void {
    const bytes = this.#ledger.answer(verdicts).map((confirm) => encodeConfirm(this.#channel, confirm));
    this.#line.send("to-client", joined(bytes));
  }

  #after(durationMs: number, action: () => void): void {
    const { clock, ended } = this.#line;
    void clock.delay(durationMs, ended).then(() => {
      if (!this.#isOver && !ended.aborted) action();
    });
  }
}
