import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import fc from "fast-check";
import { consumerPriorities } from "./mod.ts";

const partitionCounts = fc.integer({ min: 1, max: 64 });
const replicaCounts = fc.integer({ min: 1, max: 16 });

Deno.test("consumerPriorities spread any number of partitions over any number of replicas within one of each other", () => {
  fc.assert(fc.property(partitionCounts, replicaCounts, (partitions, replicas) => {
    const shares = sharesOf(range(replicas), partitions);
    return Math.max(...shares) - Math.min(...shares) <= 1;
  }));
});

Deno.test("consumerPriorities move only the new replica's share when one joins", () => {
  fc.assert(fc.property(partitionCounts, replicaCounts, (partitions, replicas) => {
    const before = winnersOf(range(replicas), partitions);
    const after = winnersOf(range(replicas + 1), partitions);
    return after.every((winner, partition) => winner === before[partition] || winner === replicas);
  }));
});

Deno.test("consumerPriorities give no replica more than half when one of four is gone", () => {
  for (const lost of range(4)) {
    const shares = sharesOf(range(4).filter((ordinal) => ordinal !== lost), 24);
    ok(Math.max(...shares) <= 12, `without ${lost}: ${shares}`);
  }
});

Deno.test("consumerPriorities give a lone replica everything and a superfluous one nothing", () => {
  assertEquals([sharesOf([0], 4), sharesOf(range(5), 4)], [[4], [1, 1, 1, 1, 0]]);
});

/** The strongest replica of each partition; the test fails if two are equally strong. */
function winnersOf(ordinals: readonly number[], partitions: number): readonly number[] {
  const tables = ordinals.map((ordinal) => ({ ordinal, priorities: consumerPriorities(ordinal, partitions) }));
  return range(partitions).map((partition) => {
    const [first, second] = tables.toSorted((a, b) => b.priorities[partition]! - a.priorities[partition]!);
    ok(second === undefined || first!.priorities[partition]! > second.priorities[partition]!, "two are equally strong");
    return first!.ordinal;
  });
}

function sharesOf(ordinals: readonly number[], partitions: number): readonly number[] {
  const winners = winnersOf(ordinals, partitions);
  return ordinals.map((ordinal) => winners.filter((winner) => winner === ordinal).length);
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}
