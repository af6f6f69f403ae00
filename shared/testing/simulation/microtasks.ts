import { DefectError } from "@mesh/base";

interface Core {
  readonly runMicrotasks: () => void;
}

/**
 * Finds the engine's own way to run every promise that is ready, at once and from plain synchronous code.
 *
 * A simulated step takes microseconds; waiting for a turn of the event loop after each would take longer than the step.
 * The function is Deno's own and undocumented, hence looked for and not assumed.
 *
 * @returns Runs all microtasks. Does nothing when called from within one, so the simulation is driven from a timer.
 * @throws {DefectError} If this Deno does not have it.
 */
export function microtaskRunner(): () => void {
  const deno = Deno as unknown as Readonly<Record<symbol, { readonly core?: Partial<Core> } | undefined>>;
  const key = (Deno as unknown as { readonly internal?: symbol }).internal;
  const run = key === undefined ? undefined : deno[key]?.core?.runMicrotasks;
  if (run === undefined) throw new DefectError("Cannot simulate: this Deno does not let microtasks be run at once");
  return run;
}
