import type { FaultKind, Simulated, SimulatedMesh } from "@mesh/testing/simulation";

/** Where and until when things go wrong. */
export interface TroubleOptions {
  readonly simulated: Simulated;
  readonly mesh: SimulatedMesh;
  /** From then on nothing goes wrong any more. */
  readonly untilMs: number;
}

/** Plans what happens to whole machines: suspensions, outages, wrong clocks, the loss of the broker's data. */
export function planTroubles(options: TroubleOptions): void {
  const { simulated: { scheduler, random, faults }, mesh, untilMs } = options;
  for (const [kind, make] of Object.entries(troubles) as [FaultKind, Trouble][]) {
    if (!faults.has(kind)) continue;
    const count = kind === "broker-amnesia"
      ? 1
      : kind === "conflicting-replica"
      ? 3 + random.below(8)
      : 1 + random.below(3);
    for (let made = 0; made < count; made += 1) {
      scheduler.after(random.between(300, untilMs - 6_000), undefined, () => {
        faults.note(kind);
        make(options);
      });
    }
  }
  scheduler.after(untilMs - 1, undefined, () => {
    faults.end();
    mesh.isBlocked = false;
    mesh.server.start();
    for (const database of mesh.databases.values()) database.awayUntilMs = 0;
  });
}

type Trouble = (options: TroubleOptions) => void;

const troubles: Partial<Record<FaultKind, Trouble>> = {
  "freeze": ({ simulated: { random }, mesh }) => {
    if (mesh.processes.length > 0) random.pick(mesh.processes).freeze(random.between(500, 30_000));
  },
  // The other replica takes over, with what it remembers from its last time.
  "conflicting-replica": ({ simulated: { random }, mesh }) => {
    const doubled = new Set(mesh.processes.filter(({ ordinal }) => ordinal > 0).map(({ service }) => service));
    const replicas = mesh.processes.filter(({ service }) => doubled.has(service));
    if (replicas.length > 0) random.pick(replicas).disconnect();
  },
  "clock-jump": ({ simulated: { random, tell }, mesh }) => {
    const jumpMs = random.pick([-7_200_000, -5_000, 5_000, 7_200_000]);
    if (random.chance(0.5) && mesh.processes.length > 0) random.pick(mesh.processes).clock.skewMs += jumpMs;
    else random.pick([...mesh.databases.values()]).clock.skewMs += Math.max(-20_000, Math.min(20_000, jumpMs));
    tell?.("a clock", `jumps by ${jumpMs} ms`, {});
  },
  "store-outage": ({ simulated: { scheduler, random, tell }, mesh }) => {
    const [service, database] = random.pick([...mesh.databases]);
    const durationMs = random.between(200, 8_000);
    database.awayUntilMs = scheduler.nowMs + durationMs;
    tell?.(service, `its database is away for ${Math.round(durationMs)} ms`, {});
  },
  "publishing-blocked": ({ simulated: { scheduler, random, tell }, mesh }) => {
    mesh.isBlocked = true;
    tell?.("broker", "blocks publishing", {});
    scheduler.after(random.between(200, 5_000), undefined, () => mesh.isBlocked = false);
  },
  "broker-outage": ({ simulated: { scheduler, random, tell }, mesh }) => {
    mesh.server.stop();
    tell?.("broker", "stops", {});
    scheduler.after(random.between(200, 5_000), undefined, () => mesh.server.start());
  },
  "broker-amnesia": ({ simulated: { scheduler, random, tell }, mesh }) => {
    mesh.server.wipe();
    tell?.("broker", "loses all that it had", {});
    scheduler.after(random.between(200, 3_000), undefined, () => {
      mesh.loadTopology();
      tell?.("operator", "loads the topology and redrives every outbox", {});
      for (const service of mesh.databases.keys()) redrive(mesh, { simulated: { scheduler } }, service);
    });
  },
};

/** As `mesh outbox redrive` does; an operator asks again until the service is there. */
function redrive(
  mesh: SimulatedMesh,
  { simulated: { scheduler } }: { readonly simulated: Pick<Simulated, "scheduler"> },
  service: string,
): void {
  let isDone = false;
  mesh.running(service)?.service.operations.redriveOutbox("broker lost its data", { subject: "operator", via: service })
    .then(() => isDone = true, () => {});
  scheduler.after(5_000, undefined, () => {
    if (!isDone) redrive(mesh, { simulated: { scheduler } }, service);
  });
}
