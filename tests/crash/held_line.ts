/** What a process with a plant in it is told, as its only argument. */
export interface PlantOrder {
  /** Name of the point to hold still at; absent to hold nowhere and only to say when it has caught up. */
  readonly point?: string;
  /** How often the point is passed before the process holds still there, from 0. */
  readonly passes: number;
  /** Whether the point counts only once the process has caught up with its mailbox. */
  readonly waitsForCatchUp: boolean;
  /** Origins of the parties outside the shop. */
  readonly outside: readonly string[];
}

const start = "holding still at: ";

/** The line by which a process says that it has caught up with its mailbox. */
export const caughtUpLine = "caught up with the mailbox";

/** The line by which a process says that it has reached its point and goes no further. */
export function heldLine(point: string): string {
  return `${start}${point}`;
}

/** @returns The point that a line names; `undefined` for every other line. */
export function pointOfHeldLine(line: string): string | undefined {
  return line.startsWith(start) ? line.slice(start.length) : undefined;
}
