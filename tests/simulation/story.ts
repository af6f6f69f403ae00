import type { About } from "@mesh/testing/simulation";

/** One line of what happened. */
export interface StoryLine {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly about: About;
}

/** Writes a line for people. */
export function storyText({ atMs, who, what }: StoryLine): string {
  return `${(atMs / 1000).toFixed(4).padStart(10)} s  ${who.padEnd(16)} ${what}`;
}
