import type { FaultName } from "./fault.ts";
import type { Direction, Line } from "./line.ts";
import { ArgumentReader, type Closing, encodeClose, encodeMethod, methods } from "./method.ts";
import { type Publish, PublishSide, readPublish } from "./publish_side.ts";
import type { Unit } from "./unit.ts";

/** What can strike a publish. */
const publishFaults: readonly FaultName[] = [
  "duplicate-publish",
  "reorder-publishes",
  "return-publish",
  "cut-publish",
  "block",
  "close-channel",
  "close-connection",
  "stall",
];
const deliveryFaults: readonly FaultName[] = [
  "cut-delivery",
  "cancel-consumer",
  "close-channel",
  "close-connection",
  "stall",
];

/** 406: how RabbitMQ ends a channel whose deliveries wait too long, or whose request does not fit. */
const closedByBroker: Closing = { code: 406, text: "PRECONDITION_FAILED - closed by the fault proxy" };
const closedByClient: Closing = { code: 200, text: "closed by the fault proxy" };

/** One channel of a connection, from its opening until it is closed on both sides. */
export class ProxiedChannel {
  readonly #line: Line;
  readonly #number: number;
  #publishing: PublishSide | undefined;
  /** Tags of consumers that the client believes in. */
  readonly #consumers = new Set<string>();
  /** Tags of consumers that the proxy has cancelled; the broker has not heard of it yet. */
  readonly #cancelling = new Set<string>();
  /** Either side has begun to close it by itself. */
  #isLeaving = false;
  /** Set while a close that the proxy has made up is under way. */
  #closing: { isClientDone: boolean; isBrokerDone: boolean; readonly next: Unit[] } | undefined;

  constructor(line: Line, number: number) {
    this.#line = line;
    this.#number = number;
  }

  /** Takes what the client says. */
  fromClient(unit: Unit): void {
    if (this.#closing !== undefined) return this.#closingFromClient(unit);
    switch (unit.method) {
      case methods.confirmSelect:
        this.#publishing ??= new PublishSide(this.#line, this.#number);
        return this.#pass("to-broker", unit);
      case methods.basicPublish:
        return this.#publish(unit);
      case methods.basicAck:
      case methods.basicNack:
      case methods.basicReject:
        return this.#takeAnswer(unit);
      case methods.basicCancel:
        this.#consumers.delete(new ArgumentReader(unit.args).shortText());
        return this.#pass("to-broker", unit);
      case methods.channelClose:
        this.#isLeaving = true;
        this.#publishing?.finish();
        return this.#pass("to-broker", unit);
      case methods.channelCloseOk:
        this.#pass("to-broker", unit);
        return this.#line.forget(this.#number, []);
      default:
        return this.#pass("to-broker", unit);
    }
  }

  /** Takes what the broker says. */
  fromBroker(unit: Unit): void {
    if (this.#closing !== undefined) return this.#closingFromBroker(unit);
    switch (unit.method) {
      case methods.basicAck:
      case methods.basicNack:
        return this.#publishing === undefined ? this.#pass("to-client", unit) : this.#publishing.confirm(unit);
      case methods.basicDeliver:
        return this.#deliver(unit);
      case methods.basicConsumeOk:
        this.#consumers.add(new ArgumentReader(unit.args).shortText());
        return this.#pass("to-client", unit);
      case methods.basicCancel:
        return this.#takeCancel(unit);
      case methods.basicCancelOk:
        if (!this.#cancelling.delete(new ArgumentReader(unit.args).shortText())) this.#pass("to-client", unit);
        return;
      case methods.channelClose:
        this.#isLeaving = true;
        this.#publishing?.drop();
        return this.#pass("to-client", unit);
      case methods.channelCloseOk:
        this.#pass("to-client", unit);
        return this.#line.forget(this.#number, []);
      default:
        return this.#pass("to-client", unit);
    }
  }

  #publish(unit: Unit): void {
    const publishing = this.#publishing;
    if (publishing === undefined || this.#isLeaving) return this.#pass("to-broker", unit);
    const publish = readPublish(unit);
    const fault = publishing.isParking
      ? undefined
      : this.#draw(publishFaults.filter((name) => this.#mayStrike(name, publish)));
    switch (fault) {
      case "block":
        publishing.publish(publish, undefined);
        return this.#line.block();
      case "stall":
        this.#line.stall();
        return publishing.publish(publish, undefined);
      case "cut-publish":
      case "close-channel":
      case "close-connection":
        return this.#end(fault, "to-broker", unit);
      default:
        return publishing.publish(publish, fault);
    }
  }

  #mayStrike(name: FaultName, { isMandatory }: Publish): boolean {
    if (name === "return-publish") return isMandatory;
    return name !== "block" || this.#line.hearsBlocked;
  }

  #deliver(unit: Unit): void {
    const reader = new ArgumentReader(unit.args);
    const [tag, deliveryTag] = [reader.shortText(), reader.longLong()];
    if (this.#cancelling.has(tag)) return this.#handBack(deliveryTag);
    const isOurs = this.#consumers.has(tag) && !this.#isLeaving;
    const mayCancel = isOurs && this.#line.hearsCancel;
    const faults = mayCancel ? deliveryFaults : deliveryFaults.filter((name) => name !== "cancel-consumer");
    const fault = isOurs ? this.#draw(faults) : undefined;
    switch (fault) {
      case "cancel-consumer":
        this.#cancel(tag);
        return this.#handBack(deliveryTag);
      case "stall":
        this.#line.stall();
        return this.#pass("to-client", unit);
      case "cut-delivery":
      case "close-channel":
      case "close-connection":
        return this.#end(fault, "to-client", unit);
      default:
        return this.#pass("to-client", unit);
    }
  }

  /** The client's answer to a delivery. */
  #takeAnswer(unit: Unit): void {
    if (this.#isLeaving || this.#draw(["lose-ack"]) === undefined) return this.#pass("to-broker", unit);
    this.#line.faults.note("lose-ack");
    this.#line.cut();
  }

  #takeCancel(unit: Unit): void {
    const tag = new ArgumentReader(unit.args).shortText();
    this.#consumers.delete(tag);
    if (!this.#cancelling.has(tag)) this.#pass("to-client", unit);
  }

  /** The client hears that the consumer is gone; the broker hears that the client does not want it any more. */
  #cancel(tag: string): void {
    const cancelWith = (isNoWait: number) =>
      encodeMethod(this.#number, methods.basicCancel, [{ shortText: tag }, { octet: isNoWait }]);
    this.#consumers.delete(tag);
    this.#cancelling.add(tag);
    this.#line.send("to-client", cancelWith(1));
    this.#line.send("to-broker", cancelWith(0));
    this.#line.faults.note("cancel-consumer");
  }

  #handBack(deliveryTag: number): void {
    const args = [{ longLong: deliveryTag }, { octet: 1 }];
    this.#line.send("to-broker", encodeMethod(this.#number, methods.basicReject, args));
  }

  /** Ends the channel or the connection in place of what was to be passed on. */
  #end(fault: FaultName, direction: Direction, unit: Unit): void {
    if (fault === "close-connection") return this.#line.close();
    this.#line.faults.note(fault);
    if (fault !== "close-channel") return this.#line.cut(direction, unit.bytes);
    this.#publishing?.drop();
    this.#closing = { isClientDone: false, isBrokerDone: false, next: [] };
    this.#line.send("to-client", encodeClose(this.#number, closedByBroker));
    this.#line.send("to-broker", encodeClose(this.#number, closedByClient));
  }

  #closingFromClient(unit: Unit): void {
    const closing = this.#closing!;
    if (closing.isClientDone) closing.next.push(unit);
    else if (unit.method === methods.channelCloseOk) {
      closing.isClientDone = true;
      this.#forgetIfClosed();
    } else if (unit.method === methods.channelClose) {
      this.#line.send("to-client", encodeMethod(this.#number, methods.channelCloseOk));
    }
  }

  #closingFromBroker({ method }: Unit): void {
    if (method === methods.channelClose) {
      this.#line.send("to-broker", encodeMethod(this.#number, methods.channelCloseOk));
    }
    if (method !== methods.channelCloseOk) return;
    this.#closing!.isBrokerDone = true;
    this.#forgetIfClosed();
  }

  #forgetIfClosed(): void {
    const { isClientDone, isBrokerDone, next } = this.#closing!;
    if (isClientDone && isBrokerDone) this.#line.forget(this.#number, next);
  }

  #draw(names: readonly FaultName[]): FaultName | undefined {
    return this.#line.mayStrike ? this.#line.faults.draw(names) : undefined;
  }

  #pass(direction: Direction, { bytes }: Unit): void {
    this.#line.send(direction, bytes);
  }
}
