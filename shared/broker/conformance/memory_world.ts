import { ManualClock } from "@mesh/base";
import type { Broker } from "../broker.ts";
import { MemoryBrokerServer } from "../memory_broker_server.ts";
import type { BrokerTopology } from "../topology.ts";
import type { ConformanceWorld } from "./world.ts";

/** A broker in memory whose time moves by hand. */
export class MemoryWorld implements ConformanceWorld {
  readonly clock = new ManualClock();
  readonly server = new MemoryBrokerServer({ clock: this.clock });
  readonly #topology: BrokerTopology;

  private constructor(topology: BrokerTopology) {
    this.#topology = topology;
  }

  /** Makes a server and loads the topology into it. */
  static async open(topology: BrokerTopology): Promise<MemoryWorld> {
    const world = new MemoryWorld(topology);
    await world.restore();
    return world;
  }

  connect(user: string): Promise<Broker> {
    return this.server.connect(user);
  }

  cutConnections(): void {
    this.server.closeConnections();
  }

  holdAnswers(): void {
    this.server.faults.holdConfirms();
  }

  deleteQueue(name: string): Promise<void> {
    this.server.deleteQueue(name);
    return Promise.resolve();
  }

  restore(): Promise<void> {
    return this.server.load(this.#topology);
  }

  passTime(durationMs: number): Promise<void> {
    return this.clock.advance(durationMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
