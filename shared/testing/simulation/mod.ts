/**
 * Deterministic simulation: services of a mesh, as shipped, on virtual time, one seeded scheduler, and faults at every
 * await of a port. For tests only.
 *
 * @module
 */
export { type FaultCounts, type FaultKind, faultKinds, FaultPlan, noFaults } from "./faults.ts";
export { type About, type Simulated, SimulatedProcess } from "./process.ts";
export { type Owner, type Planned, Scheduler } from "./scheduler.ts";
export { seededIds } from "./seeded_ids.ts";
export { SeededRandom } from "./seeded_random.ts";
export { type SimulatedKeys, simulatedKeys } from "./simulated_keys.ts";
export {
  type MeshObserver,
  type SimulatedDatabase,
  SimulatedMesh,
  type SimulatedMeshOptions,
  type SimulatedService,
  type Substitutes,
} from "./simulated_mesh.ts";
export { epochMs, VirtualClock } from "./virtual_clock.ts";
export { MeshInvariants, type Violation } from "./mesh_invariants.ts";
