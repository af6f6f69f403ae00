import { engineFlag } from "@jangteo/deploy/permissions";
import { systemClock, UnavailableError } from "@mesh/base";
import { createVhost, deleteVhost, type Infra, processesIn, withVhost } from "@mesh/testing/infra";
import type { LoadPlan, LoadResult, Processes, Work } from "../contender/protocol.ts";
import type { ContenderSpec } from "./contender_list.ts";
import { ContenderProcess } from "./contender_process.ts";
import { dropDatabases, settleDatabase } from "./databases.ts";
import type { PeersInstallation } from "./install_peers.ts";
import { cpuBetween, type CpuByGroup, readCpu, residentBytes } from "./usage.ts";

/** What contenders run on. */
export interface Arena {
  readonly infra: Infra;
  /** Folder of the servers' data. */
  readonly serversFolder: string;
  /** Folder for files of contenders. */
  readonly folder: string;
  /** Absent where no peer takes part. */
  readonly peers?: PeersInstallation;
  readonly log: (line: string) => void;
  /** Ends everything early. */
  readonly signal: AbortSignal;
}

/** What one load has shown. */
export interface Measurement {
  readonly plan: LoadPlan;
  readonly result: LoadResult;
  /** Sagas that ended per second of the measurement. */
  readonly perSecond: number;
  /** Processor time per saga, in milliseconds. */
  readonly cpuPerSagaMs: CpuByGroup;
  /** Cores that the contender, its broker and its database kept busy. */
  readonly coresBusy: number;
  /** Cores that the whole machine kept busy, this bench included. */
  readonly machineCoresBusy: number;
  /** Memory of services and driver that is resident, in bytes. */
  readonly residentBytes: number;
}

/** 120 s: a start on a busy machine, and a judgement that waits for quiet. */
const reportLimitMs = 120_000;

/**
 * Before anything is measured: pools fill, code is compiled. A rush at the very start makes some contenders stumble for
 * many seconds, and none of them is compared by that.
 */
const priming: LoadPlan = { warmUpMs: 0, measureMs: 1_500, inFlight: 16 };

/** A contender that runs. Disposing of it removes all that it made. */
export interface OpenedContender extends AsyncDisposable {
  /**
   * Puts a load on it.
   *
   * @throws {UnavailableError} If it does not answer.
   */
  measure(plan: LoadPlan): Promise<Measurement>;
  /**
   * Puts a load on it to count what is done for a saga.
   *
   * @returns `undefined` where the contender cannot tell or the load went wrong.
   * @throws {UnavailableError} If it does not answer.
   */
  count(plan: LoadPlan): Promise<Work | undefined>;
}

/**
 * Starts a contender in a vhost, with databases and a folder that are its own.
 *
 * @throws {UnavailableError} If it does not start.
 */
export async function openContender(arena: Arena, spec: ContenderSpec): Promise<OpenedContender> {
  const { infra: { broker: { management, amqpUrl }, postgres: { adminUrl } } } = arena;
  // A new name each time: a broker may remember by it what an earlier one held, and the shop leaves such a note there.
  const vhost = `bench-${spec.name}-${crypto.randomUUID().slice(0, 8)}`;
  const databasePrefix = `bench_${spec.name.replaceAll("-", "_")}_`;
  const folder = await Deno.makeTempDir({ dir: arena.folder, prefix: `${spec.name}-` });
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
  await createVhost(management, vhost);
  cleanUp.defer(() => deleteVhost(management, vhost));
  cleanUp.defer(() => dropDatabases(adminUrl, databasePrefix));
  const contender = cleanUp.use(
    new ContenderProcess({
      name: spec.name,
      command: commandOf(spec, arena.peers),
      onLine: (line) => arena.log(`  ${spec.name}: ${line}`),
      signal: arena.signal,
    }),
  );
  await contender.order({
    setup: {
      amqpUrl: withVhost(amqpUrl, vhost),
      management,
      vhost,
      postgresUrl: adminUrl,
      databasePrefix,
      folder,
      peersFolder: arena.peers?.folder ?? "",
    },
  });
  const { ready: { processes } } = await contender.next("ready", spec.readyLimitMs ?? reportLimitMs);
  const { result: { faults } } = await measureLoad(arena, { contender, processes }, priming);
  if (faults.length > 0) throw new UnavailableError(`Cannot measure ${spec.name}: ${faults.join("; ")}`);
  await settleDatabase(adminUrl);
  const all = cleanUp.move();
  return {
    measure: (plan) => measureLoad(arena, { contender, processes }, plan),
    count: (plan) => countWork(contender, plan),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function countWork(contender: ContenderProcess, plan: LoadPlan): Promise<Work | undefined> {
  await contender.order({ count: plan });
  await contender.next("measuring", plan.warmUpMs + reportLimitMs);
  await contender.next("measuring", plan.measureMs + reportLimitMs);
  const { result: { faults, work } } = await contender.next("result", reportLimitMs);
  return faults.length === 0 ? work : undefined;
}

async function measureLoad(
  { serversFolder }: Arena,
  { contender, processes: own }: { readonly contender: ContenderProcess; readonly processes: Processes },
  plan: LoadPlan,
): Promise<Measurement> {
  // A contender with servers of its own leaves those of the bench alone, and what they idle is not its doing.
  const shared = (): Processes => ({
    broker: processesIn(`${serversFolder}/rabbitmq`),
    database: processesIn(`${serversFolder}/postgres`),
  });
  const processes = (): Processes => own.broker === undefined ? { ...shared(), ...own } : own;
  await contender.order({ run: plan });
  await contender.next("measuring", plan.warmUpMs + reportLimitMs);
  const before = readCpu(processes());
  const beginMs = systemClock.monotonicMs();
  await contender.next("measuring", plan.measureMs + reportLimitMs);
  const used = cpuBetween(before, readCpu(processes()));
  const elapsedMs = systemClock.monotonicMs() - beginMs;
  const resident = residentBytes(own);
  const { result } = await contender.next("result", reportLimitMs);
  const groups = Object.entries(used.groups);
  return {
    plan,
    result,
    perSecond: result.finished / (result.elapsedMs / 1000),
    cpuPerSagaMs: Object.fromEntries(groups.map(([name, ms]) => [name, ms / result.finished])) as CpuByGroup,
    coresBusy: groups.reduce((sum, [, ms]) => sum + ms, 0) / elapsedMs,
    machineCoresBusy: used.machineMs / elapsedMs,
    residentBytes: resident,
  };
}

function commandOf(
  { command: [program, ...args], runtime, isIsolated = false }: ContenderSpec,
  peers?: PeersInstallation,
): [string, ...string[]] {
  const path = new URL(`../${program}`, import.meta.url).pathname;
  const command: [string, ...string[]] = runtime === "node"
    ? [peers!.node, "--disable-warning=DeprecationWarning", path, ...args]
    : [Deno.execPath(), "run", engineFlag, "--frozen", "--cached-only", "-A", path, ...args];
  return isIsolated ? [...ownNetwork, ...command] : command;
}

/** A network namespace with loopback alone; see unshare(1). */
const ownNetwork = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] as const;
