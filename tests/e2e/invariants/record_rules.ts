import { contentHash } from "@mesh/cli";
import type { Rule, StoredEvent, Violation } from "./facts.ts";
import { orderHistories } from "./order_histories.ts";

/** One mail for each end of an order, and never two of a kind that are not the same mail. */
export const oneNoticeEach: Rule = (facts) => {
  const violations: Violation[] = [];
  for (const { orderId, noticeKind, messageIds } of facts.notices) {
    if (messageIds.length > 1) {
      violations.push({ rule: "I11", what: `${messageIds.length} notices "${noticeKind}" went out for ${orderId}` });
    }
  }
  const kinds = Map.groupBy(facts.notices, ({ orderId }) => orderId);
  for (const { orderId, ends, reason } of orderHistories(facts).values()) {
    if (ends.length === 0) continue;
    const expected = reason === "cancelled" ? "cancelled" : ends[0];
    const sent = (kinds.get(orderId) ?? []).map(({ noticeKind }) => noticeKind).join(", ");
    if (sent !== expected) {
      violations.push({ rule: "I11", what: `the notices of order ${orderId} are "${sent}", not "${expected}"` });
    }
  }
  return violations;
};

/** Every stream is numbered 1, 2, 3 … and each envelope names the one before it, its signer and its stream. */
export const historiesAreWhole: Rule = ({ events }) => {
  const violations: Violation[] = [];
  for (const [stream, own] of Map.groupBy(events, (event) => event.stream)) {
    let before: StoredEvent | undefined;
    for (const event of own.toSorted((a, b) => a.version - b.version)) {
      const fault = placeFault(event, before);
      if (fault !== undefined) violations.push({ rule: "I12", what: `${stream} at ${event.version}: ${fault}` });
      before = event;
    }
  }
  return violations;
};

/** The audit log has every event of every service once, verified and in its place, and nothing else. */
export const everythingIsAudited: Rule = ({ events, audited }) => {
  if (audited === undefined) return [];
  const violations: Violation[] = [];
  const entries = Map.groupBy(audited, ({ owner, hash }) => `${owner} ${hash}`);
  for (const { service, hash, type, id } of events) {
    const count = entries.get(`${service} ${hash}`)?.length ?? 0;
    if (count !== 1) violations.push({ rule: "I13", what: `the audit log has ${type} ${id} ${count} times` });
  }
  const recorded = new Set(events.map(({ service, hash }) => `${service} ${hash}`));
  for (const { owner, id, hash, reason, chain } of audited) {
    const fault = !recorded.has(`${owner} ${hash}`)
      ? "nobody has recorded it"
      : reason ?? (chain === "ok" ? null : chain);
    if (fault !== null) violations.push({ rule: "I13", what: `the audit log has ${id} of ${owner}: ${fault}` });
  }
  return violations;
};

/** Every stored envelope verifies, what was handled is what was recorded, and nothing hostile was ever handled. */
export const onlyProvenMessagesCount: Rule = ({ events, handled, hostileDigests }) => {
  const violations: Violation[] = events.filter(({ fault }) => fault !== null)
    .map(({ type, id, fault }) => ({ rule: "I15", what: `${type} ${id} does not verify: ${fault}` }));
  const hashes = new Map(events.map(({ id, hash }) => [id, hash]));
  const hostile = new Set(hostileDigests);
  for (const { service, id, digest } of handled) {
    if (hostile.has(digest)) violations.push({ rule: "I15", what: `${service} has handled the hostile message ${id}` });
    const hash = hashes.get(id);
    if (hash !== undefined && digest !== "" && digest !== hash) {
      violations.push({ rule: "I15", what: `${service} has handled ${id} with content that was never recorded` });
    }
  }
  return violations;
};

/** Nothing died but what a test has planted. */
export const nothingDies: Rule = ({ deadLetters, doomedDigests, hostileDigests }) => {
  const planted = new Set([...doomedDigests, ...hostileDigests]);
  return deadLetters.filter(({ digest }) => !planted.has(digest)).map(({ service, type, reason, detail }) => ({
    rule: "I16",
    what: `${service} has a dead letter ${type}, ${reason}: ${detail}`,
  }));
};

function placeFault(event: StoredEvent, before: StoredEvent | undefined): string | undefined {
  const { claims, service, stream, version, id } = event;
  if (version !== (before?.version ?? 0) + 1) return `it follows ${before?.version ?? "nothing"}`;
  if (contentHash(event.envelope) !== event.hash) return "its hash is that of another envelope";
  if (claims === null) return "its envelope cannot be read";
  if (claims.iss !== service || claims.sub !== stream || claims.jti !== id) return "its envelope is another event's";
  if (claims.n !== version) return `its envelope says ${claims.n}`;
  if (claims.prv !== (before?.hash ?? null)) return "its envelope names another predecessor";
  return undefined;
}
