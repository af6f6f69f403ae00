import type { Behaviour, EffectAdapters } from "@mesh/actor";
import type { Clock, IdSource } from "@mesh/base";
import type { Broker } from "@mesh/broker";
import type { ServiceDefinition } from "@mesh/contract";
import type { KeyDirectory, PolicyIndex, SigningKey } from "@mesh/envelope";
import type { Store } from "@mesh/store";
import type { InTrace } from "./effect_executor.ts";
import type { FeedClient } from "./feed_client.ts";
import type { IntakeOptions } from "./intake.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import type { Projection } from "./projection.ts";
import type { ProjectionPlanner } from "./projection_planner.ts";
import type { RuntimeSettings } from "./settings.ts";

/** Everything that a service runs on; adapters are made by the wiring, doubles by tests and the simulation. */
export interface ServiceParts {
  readonly definition: ServiceDefinition;
  /** Actor or saga host; absent for a service that only projects, or only serves. */
  readonly behaviour?: Behaviour;
  /** Read models; a service has actors or read models, not both. */
  readonly projections?: readonly Projection[];
  readonly adapters?: EffectAdapters;
  readonly broker: Broker;
  readonly store: Store;
  readonly signingKey: SigningKey;
  readonly keys: KeyDirectory;
  readonly policy: PolicyIndex;
  readonly feeds: FeedClient;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly meter: Meter;
  readonly settings: RuntimeSettings;
  readonly partitions: number;
  /** Which replica of the service this is, from 0; 0 when absent. */
  readonly ordinal?: number;
  /** Whether other processes of the service may write the same actors; the outcomes of effects then go through mailboxes. */
  readonly hasReplicas?: boolean;
  /** Priority of this replica on a partition. */
  readonly priorityOf?: (partition: number) => number;
  readonly continueTrace?: IntakeOptions["continueTrace"];
  readonly inTrace?: InTrace;
  /** Headers of the span that is active now, for commands that start a flow. */
  readonly currentTrace?: () => Readonly<Record<string, string>>;
  /** Channel that readers of the projections listen on. */
  readonly notify?: string;
  readonly onRows?: ConstructorParameters<typeof ProjectionPlanner>[0]["onRows"];
  readonly viewOf?: (state: unknown) => unknown;
  readonly abandon: (reason: string) => void;
}
