/** What is compared, and how each is run. */
export interface ContenderSpec {
  /** One word, as on the command line. */
  readonly name: string;
  /** As in the table. */
  readonly title: string;
  /** Program below `bench/`, with its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly runtime: "deno" | "node";
  /** Sagas at once at saturation: of 64 and 256 where the contender does more. */
  readonly inFlight: number;
  /** Runs without any network but its own loopback: it would ask somebody outside for its newest version. */
  readonly isIsolated?: boolean;
  /** Can tell what is done for a saga. */
  readonly countsWork?: boolean;
  /** How long it may take to start, in milliseconds; absent for what is usual. */
  readonly readyLimitMs?: number;
}

/** The measure of all others. */
export const ceilingName = "ceiling";

/** All contenders, in the order of a round. */
export const contenders: readonly ContenderSpec[] = [
  { name: "mesh", title: "mesh", command: ["contenders/mesh/main.ts"], runtime: "deno", inFlight: 256 },
  {
    name: ceilingName,
    title: "ceiling by hand",
    command: ["contenders/ceiling/main.ts"],
    runtime: "deno",
    inFlight: 256,
  },
  { name: "dbos", title: "DBOS", command: ["peers/dbos.ts"], runtime: "node", inFlight: 256 },
  {
    name: "restate-calls",
    title: "Restate, service calls",
    command: ["peers/restate.ts", "calls"],
    isIsolated: true,
    runtime: "node",
    inFlight: 256,
  },
  {
    name: "restate-steps",
    title: "Restate, steps",
    command: ["peers/restate.ts", "steps"],
    isIsolated: true,
    runtime: "node",
    inFlight: 256,
  },
  { name: "moleculer", title: "Moleculer", command: ["peers/moleculer.ts"], runtime: "node", inFlight: 256 },
  {
    name: "shop",
    title: "whole shop",
    command: ["contenders/shop/main.ts"],
    runtime: "deno",
    inFlight: 256,
    countsWork: true,
  },
];

/** Finds a contender by name. */
export function findContender(name: string): ContenderSpec | undefined {
  return contenders.find((contender) => contender.name === name);
}
