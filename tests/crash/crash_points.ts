import { hasMailbox, type ServiceDefinition } from "@mesh/contract";

/** Where a process can be ended. Points inside the process hold it still; points in the database hold its transaction. */
export type Place =
  /** At a call of the store; only a call for which `when` holds counts. */
  | {
    readonly at: "store";
    readonly call: string;
    readonly moment: "before" | "after";
    readonly when?: (args: readonly unknown[], result: unknown) => boolean;
  }
  /** At the broker's client: a delivery comes in, an acknowledgement, a publish, its bytes, its confirm. */
  | { readonly at: "broker"; readonly moment: BrokerMoment }
  /** At a call to somebody outside the shop that changes something there. */
  | { readonly at: "outside"; readonly moment: "before" | "after" }
  /** Inside a transaction, which the database holds before it writes a row of `table`, or as it commits that row. */
  | {
    readonly at: "transaction";
    readonly table: string;
    readonly moment: "begin" | "row" | "commit";
    /** What becomes of the transaction after the death of its process. */
    readonly ending: "rolled back" | "committed";
  };

/** Moments of the broker's client. */
export type BrokerMoment = "delivered" | "acking" | "acked" | "publishing" | "sent" | "confirmed";

/** One named point, and which processes have it. */
export interface CrashPoint {
  readonly name: string;
  /** What has happened by then and what has not. */
  readonly what: string;
  readonly place: Place;
  readonly has: (service: ServiceDefinition) => boolean;
  /** Whether it is reached seldom, or only as a process finds what its predecessor has left: its first time counts. */
  readonly isRare?: true;
}

const event = "mesh.event";
const isNamed = (...names: readonly string[]) => ({ name }: ServiceDefinition) => names.includes(name);
const isGateway = isNamed("gateway");
const isUsers = isNamed("users");
/** `users` accepts commands only from itself: its mailbox stays empty. */
const hears = (service: ServiceDefinition) => hasMailbox(service) && !isUsers(service);
const isAudit = isNamed("audit");
const isActor = (service: ServiceDefinition) => hears(service) && !isGateway(service);
const recordsEvents = (service: ServiceDefinition) => isActor(service) || isUsers(service);
const callsOutside = ({ external = [] }: ServiceDefinition) => external.length > 0;
const subscribes = (service: ServiceDefinition) => service.subscribes.length > 0;
/** What `users` and `notifications` record is heard by feed only (decision 0020), so that they have nothing to publish. */
const publishes = (service: ServiceDefinition) => hears(service) && service.name !== "notifications";
/** The gateway sends commands only, whose rows its next turn takes along. */
const recordsPublished = (service: ServiceDefinition) => isActor(service) && publishes(service);

const countOf = (value: unknown, field: string): number =>
  ((value as Readonly<Record<string, readonly unknown[]>>)[field] ?? []).length;
const isFull = (_args: readonly unknown[], result: unknown) => (result as readonly unknown[]).length > 0;
const endsEffects = ([writes]: readonly unknown[]) => countOf(writes, "endedEffects") > 0;
const changesRows = ([writes]: readonly unknown[]) => countOf(writes, "rows") > 0;
const marksSent = ([settled]: readonly unknown[]) => countOf(settled, "confirmed") > 0;
const fires = ([firings]: readonly unknown[]) => (firings as readonly unknown[]).length > 0;
const isCalled = (what: string) => ([name]: readonly unknown[]) => name === what;

function store(
  call: string,
  moment: "before" | "after",
  when?: (args: readonly unknown[], result: unknown) => boolean,
) {
  return { at: "store", call, moment, ...(when === undefined ? {} : { when }) } as const;
}

function broker(moment: BrokerMoment) {
  return { at: "broker", moment } as const;
}

function inside(
  table: string,
  moment: "begin" | "row" | "commit",
  ending: "rolled back" | "committed" = "rolled back",
) {
  return { at: "transaction", table, moment, ending } as const;
}

/** The way of one turn, from the delivery to the acknowledgement. */
const turnPoints: readonly CrashPoint[] = [
  { name: "delivered", what: "a message has come, nobody has looked at it", place: broker("delivered"), has: hears },
  { name: "loaded", what: "its actor is loaded, nothing decided", place: store("loadStreams", "after"), has: isActor },
  {
    name: "before commit",
    what: "decided and signed, the transaction not begun",
    place: store("commit", "before"),
    has: hears,
  },
  {
    name: "begun",
    what: "the transaction has begun and written nothing",
    place: inside("mesh.feed_epoch", "begin"),
    has: hasMailbox,
  },
  {
    name: "at the inbox",
    what: "the transaction is writing the inbox",
    place: inside("mesh.inbox", "row"),
    has: isActor,
  },
  { name: "at the events", what: "the transaction is writing events", place: inside(event, "row"), has: recordsEvents },
  {
    name: "at the outbox",
    what: "the transaction is writing the outbox",
    place: inside("mesh.outbox", "row"),
    has: publishes,
  },
  {
    name: "at the rows",
    what: "the transaction is writing rows of a read model",
    place: inside("mesh.projection", "row"),
    has: isGateway,
  },
  {
    name: "at commit, undone",
    what: "all is written, and rolled back at the commit",
    place: inside(event, "commit"),
    has: recordsEvents,
  },
  {
    name: "at commit, done",
    what: "it commits, and nobody is left to hear that",
    place: inside(event, "commit", "committed"),
    has: recordsEvents,
  },
  {
    name: "after commit",
    what: "committed, nothing acknowledged or published",
    place: store("commit", "after"),
    has: hears,
  },
  { name: "before ack", what: "committed, the acknowledgement not written", place: broker("acking"), has: hears },
  { name: "after ack", what: "the acknowledgement is written", place: broker("acked"), has: hears },
];

/** The way of what a turn sends. */
const sendingPoints: readonly CrashPoint[] = [
  { name: "before publish", what: "committed, not given to the broker", place: broker("publishing"), has: publishes },
  {
    name: "swept",
    what: "the sweep has leased rows, none is published",
    place: store("claimOutbox", "after", isFull),
    has: recordsPublished,
    isRare: true,
  },
  { name: "after publish", what: "written to the broker, no confirm yet", place: broker("sent"), has: publishes },
  { name: "at confirm", what: "the broker has it and says so; not noted", place: broker("confirmed"), has: publishes },
  {
    name: "before mark-sent",
    what: "confirmed, the outbox row still there",
    place: store("settleOutbox", "before", marksSent),
    has: recordsPublished,
  },
  {
    name: "after mark-sent",
    what: "the outbox row is gone or has its next time",
    place: store("settleOutbox", "after", marksSent),
    has: recordsPublished,
  },
];

/** Calls to the outside, timers, feeds. */
const besidesPoints: readonly CrashPoint[] = [
  {
    name: "effect leased",
    what: "an effect is leased, nobody called",
    place: store("claimEffects", "after", isFull),
    has: callsOutside,
  },
  {
    name: "before the call",
    what: "the call to the outside is about to be made",
    place: { at: "outside", moment: "before" },
    has: callsOutside,
  },
  {
    name: "after the call",
    what: "it was done outside; its outcome only in memory",
    place: { at: "outside", moment: "after" },
    has: callsOutside,
  },
  {
    name: "before the outcome",
    what: "the turn that records the outcome is about to commit",
    place: store("commit", "before", endsEffects),
    has: callsOutside,
  },
  {
    name: "after the outcome",
    what: "the outcome is committed, its answer not published",
    place: store("commit", "after", endsEffects),
    has: callsOutside,
  },
  {
    name: "timer due",
    what: "due timers are read, none has fired",
    place: store("readDueTimers", "after", isFull),
    has: isNamed("orchestrator"),
    isRare: true,
  },
  {
    name: "before firing",
    what: "their commands are signed, not committed",
    place: store("fireTimers", "before", fires),
    has: isNamed("orchestrator"),
    isRare: true,
  },
  {
    name: "after firing",
    what: "fired and committed, the commands not published",
    place: store("fireTimers", "after", fires),
    has: isNamed("orchestrator"),
    isRare: true,
  },
  {
    name: "before the cursor",
    what: "what a feed held is handled, the cursor not moved",
    place: store("saveFeedCursor", "before"),
    has: subscribes,
    isRare: true,
  },
  {
    name: "after the cursor",
    what: "the cursor is moved",
    place: store("saveFeedCursor", "after"),
    has: subscribes,
    isRare: true,
  },
];

/** What single services do beside that. */
const ownPoints: readonly CrashPoint[] = [
  {
    name: "before the rows",
    what: "rows of a read model are worked out, not committed",
    place: store("commit", "before", changesRows),
    has: isGateway,
  },
  {
    name: "after the rows",
    what: "rows are committed, nothing acknowledged",
    place: store("commit", "after", changesRows),
    has: isGateway,
  },
  {
    name: "before accepting",
    what: "an order is priced and signed, nothing committed",
    place: store("commitWith", "before"),
    has: isGateway,
  },
  {
    name: "accepting",
    what: "its transaction is writing the request",
    place: inside("gateway.request", "row"),
    has: isGateway,
  },
  {
    name: "accepted",
    what: "committed; the customer has no answer, the command is not published",
    place: store("commitWith", "after"),
    has: isGateway,
  },
  {
    name: "before the account",
    what: "a change of an account is decided, nothing committed",
    place: store("commitWith", "before"),
    has: isUsers,
  },
  {
    name: "after the account",
    what: "committed; the caller has no answer",
    place: store("commitWith", "after"),
    has: isUsers,
  },
  {
    name: "recalled",
    what: "events of a feed are verified, nothing stored",
    place: store("run", "after", isCalled("recall events")),
    has: isAudit,
  },
  {
    name: "before ingest",
    what: "they are placed in their chains, the transaction not begun",
    place: store("run", "before", isCalled("store events")),
    has: isAudit,
  },
  {
    name: "at the entries",
    what: "the transaction is writing entries of the log",
    place: inside("audit.entry", "row"),
    has: isAudit,
  },
  {
    name: "ingest, undone",
    what: "entries and cursor are written, and rolled back at the commit",
    place: inside("audit.entry", "commit"),
    has: isAudit,
  },
  {
    name: "ingest, done",
    what: "entries and cursor commit, and nobody is left to hear that",
    place: inside("audit.entry", "commit", "committed"),
    has: isAudit,
  },
  {
    name: "after ingest",
    what: "stored, and not known here",
    place: store("run", "after", isCalled("store events")),
    has: isAudit,
  },
];

/** Every point, in the order of what happens. */
export const crashPoints: readonly CrashPoint[] = [...turnPoints, ...sendingPoints, ...besidesPoints, ...ownPoints];

/**
 * Finds a point by its name.
 *
 * @throws {RangeError} If there is none.
 */
export function pointNamed(name: string): CrashPoint {
  const found = crashPoints.find((point) => point.name === name);
  if (found === undefined) throw new RangeError(`Cannot find crash point "${name}"`);
  return found;
}
