import type { ServiceDefinition } from "@mesh/contract";
import { type CrashPoint, crashPoints } from "./crash_points.ts";

/** One entry of the matrix: a point in a process that has it. */
export interface MatrixRow {
  readonly service: string;
  readonly point: CrashPoint;
}

/** What to keep of the matrix; what is absent keeps all. */
export interface MatrixFilter {
  readonly services?: readonly string[];
  /** Names of points. */
  readonly points?: readonly string[];
}

/** @returns Every point times every process that has it, process by process. */
export function matrixOf(definitions: readonly ServiceDefinition[], filter: MatrixFilter = {}): readonly MatrixRow[] {
  const { services, points } = filter;
  return definitions.filter(({ name }) => services?.includes(name) ?? true).flatMap((service) =>
    crashPoints.filter((point) => point.has(service) && (points?.includes(point.name) ?? true))
      .map((point) => ({ service: service.name, point }))
  );
}

/**
 * Deals the matrix out: each process belongs to one lane, which takes its points one after the other.
 *
 * @returns At most `count` lanes of about the same length, none empty.
 */
export function lanesOf(rows: readonly MatrixRow[], count: number): readonly (readonly MatrixRow[])[] {
  const lanes: MatrixRow[][] = Array.from({ length: count }, () => []);
  const groups = [...Map.groupBy(rows, ({ service }) => service).values()];
  for (const group of groups.sort((one, other) => other.length - one.length)) {
    lanes.reduce((shortest, lane) => lane.length < shortest.length ? lane : shortest).push(...group);
  }
  return lanes.filter((lane) => lane.length > 0);
}

/**
 * Says how often a point is passed before it counts: another time in each round and process, so that it is not always the
 * first turn after a start that dies.
 *
 * @param round From 1.
 * @returns 0, 1 or 2.
 */
export function passesOf({ service, point }: MatrixRow, round: number): number {
  if (point.isRare === true) return 0;
  return (service.length + point.name.length + round) % 3;
}
