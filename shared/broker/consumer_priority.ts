import { invariant, murmur3, slotCount } from "@mesh/base";

/** What a theft is worth over any hash. */
const theftWorth = 1_000;

/**
 * Says with which consumer priorities a replica subscribes to the partitions, so that each replica ends up with its
 * share.
 *
 * Every replica subscribes to every partition, and the broker gives each to the highest priority. Replica 0 begins with
 * all; each further one steals its share from the fullest before it, and a later theft is worth more. So whoever joins,
 * leaves or comes back moves only what must move, nobody coordinates, and no replica needs to know how many there are.
 * What is left without any of its owners goes by a hash.
 *
 * Brokers from 4.0 hand a partition over to a higher priority at once; 3.10 ignores priorities among single active
 * consumers and keeps to the first in line.
 *
 * @param ordinal Number of the replica, from 0.
 * @param partitions 1 to 64.
 * @returns Whole numbers for `QueueClaim.priority`, by partition; higher is stronger.
 *
 * @example Two replicas share four partitions evenly
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { consumerPriorities } from "@mesh/broker";
 *
 * const [first, second] = [consumerPriorities(0, 4), consumerPriorities(1, 4)];
 * assertEquals(first!.filter((priority, partition) => priority > second![partition]!).length, 2);
 * ```
 */
export function consumerPriorities(ordinal: number, partitions: number): readonly number[] {
  invariant(
    Number.isInteger(ordinal) && ordinal >= 0 && partitions >= 1 && partitions <= slotCount,
    `Cannot choose priorities: replica ${ordinal}, ${partitions} partitions`,
  );
  return ownersAfter(ordinal, partitions).map((owner, partition) =>
    owner === ordinal ? theftWorth * (ordinal + 1) : murmur3(encoder.encode(`${ordinal}/${partition}`)) % theftWorth
  );
}

/** Owner of each partition once the replicas up to this one have joined in turn. */
function ownersAfter(lastOrdinal: number, partitions: number): readonly number[] {
  const owners = Array.from({ length: partitions }, () => 0);
  const shares = [partitions];
  // A replica beyond the number of partitions finds nothing to steal.
  for (let thief = 1; thief <= Math.min(lastOrdinal, partitions); thief += 1) {
    const loot = Math.floor(partitions / (thief + 1));
    for (let count = 0; count < loot; count += 1) {
      const victim = shares.indexOf(Math.max(...shares));
      shares[victim]! -= 1;
      owners[owners.indexOf(victim)] = thief;
    }
    shares.push(loot);
  }
  return owners;
}

const encoder = new TextEncoder();
