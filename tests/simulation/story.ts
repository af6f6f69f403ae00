import type { About } from "@mesh/testing/simulation";

/** One line of what happened. */
export interface StoryLine {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly about: About;
}

/**
 * Tells what happened, or only what concerns one thing.
 *
 * @param about Text with the id of an order or message in it, such as a violation's; absent for everything. Deaths,
 * outages and judgements are told in any case: they are why the rest went as it did.
 */
export function storyOf(lines: readonly StoryLine[], about?: string): string {
  const id = about === undefined ? undefined : idPattern.exec(about)?.[0] ?? about;
  const concerns = ({ what, who, about: { correlations = [], messageIds = [] } }: StoryLine) => {
    if (id === undefined || who === "JUDGE") return true;
    if (correlations.length === 0 && messageIds.length === 0) return !what.startsWith("committed");
    return correlations.includes(id) || messageIds.includes(id) || what.includes(id);
  };
  return lines.filter(concerns).map(textOf).join("\n");
}

const idPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Z]{3}-\d{4}/;

function textOf({ atMs, who, what }: StoryLine): string {
  return `${(atMs / 1000).toFixed(4).padStart(10)} s  ${who.padEnd(16)} ${what}`;
}
