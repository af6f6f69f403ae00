import type { Chain, Head, NewEntry } from "./entry.ts";
import type { Judged } from "./judge.ts";

/**
 * Places judged envelopes in their streams.
 *
 * @param judged In the order of the owner's feed, none of them stored yet.
 * @param heads Last proven event of every stream that occurs, as far as there is one.
 * @returns The same, each proven one with how it continues its stream. An unproven one continues nothing, so that what
 * follows a forged or altered event shows the gap that it leaves.
 */
export function chained(judged: readonly Judged[], heads: ReadonlyMap<string, Head>): readonly NewEntry[] {
  const known = new Map(heads);
  return judged.map((one) => {
    const { subject, n } = one.facts;
    if (one.reason !== undefined || subject === undefined || n === undefined) return one;
    const head = known.get(subject);
    const chain = chainOf(one, head);
    // After a break the comparison goes on from what came last, so that one break is reported once.
    if (head === undefined || n > head.n) known.set(subject, { n, hash: one.hash });
    return { ...one, chain };
  });
}

function chainOf({ facts }: Judged, head: Head | undefined): Chain {
  const { n = 0, prv } = facts;
  const last = head?.n ?? 0;
  if (n > last + 1) return "gap";
  if (n <= last) return "fork";
  return prv === head?.hash ? "ok" : "fork";
}
