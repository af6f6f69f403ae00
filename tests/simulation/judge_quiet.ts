import { deepStrictEqual } from "node:assert/strict";
import { errorText } from "@mesh/base";
import { type Verifier, verifyEnvelope } from "@mesh/envelope";
import type { ProjectedEvent } from "@mesh/runtime";
import type { SimulatedMesh, Violation } from "@mesh/testing/simulation";
import { orders as orderRows } from "@shop/gateway/projections";
import type { Rule, ShopFacts, StoredClaims, StoredEvent } from "../e2e/invariants/facts.ts";
import { rules } from "../e2e/invariants/invariants.ts";
import { moneyFollowsTheEnd } from "../e2e/invariants/money_rules.ts";
import {
  endsAreTrue,
  everyOrderEnds,
  noOrderIsLost,
  noOrderIsMadeUp,
  whatIsShownIsTrue,
} from "../e2e/invariants/order_rules.ts";
import { historiesAreWhole, oneNoticeEach } from "../e2e/invariants/record_rules.ts";
import { orchestratorHost } from "@shop/orchestrator/service";
import type { Journal } from "./customers.ts";
import type { OutsideWorld } from "./outside_world.ts";

/** What is judged. */
export interface QuietShop {
  readonly mesh: SimulatedMesh;
  readonly journal: Journal;
  readonly outside: OutsideWorld;
  /** Whether every envelope is verified and every read model folded again; else only what is cheap. */
  readonly isThorough: boolean;
  /** Whether envelopes are in the form in which they travel, so that their hashes can be computed again. */
  readonly isReal: boolean;
  readonly verifier: Pick<Verifier, "keys" | "policy">;
}

/** Judges a quiet shop by the rules that the tests of the whole shop use. */
export function judgeQuiet(shop: QuietShop): readonly Violation[] {
  const facts = factsOf(shop);
  if (!shop.isThorough) return quickRules.flatMap((rule) => rule(facts));
  const judged = shop.isReal ? rules : rulesOfClaims;
  return [...judged.flatMap((rule) => rule(facts)), ...judgeReadModel(shop), ...judgeSagas(shop)];
}

/** Those that do not look at the envelopes' bytes. */
const rulesOfClaims: readonly Rule[] = rules.filter((rule) => rule !== historiesAreWhole);

/** Those that the judgement of every commit does not cover, and that do not look into envelopes. */
const quickRules: readonly Rule[] = [
  noOrderIsLost,
  noOrderIsMadeUp,
  everyOrderEnds,
  endsAreTrue,
  moneyFollowsTheEnd,
  oneNoticeEach,
  whatIsShownIsTrue,
];

function factsOf({ mesh, journal, outside, isThorough, verifier }: QuietShop): ShopFacts {
  const events: StoredEvent[] = [];
  const unsettled: Record<string, number> = {};
  for (const [service, { database: { tables } }] of mesh.databases) {
    for (const row of tables.events) {
      const { id, stream, version, type, correlation, data, envelope, hash } = row;
      const told = {
        service,
        id,
        stream,
        version,
        type,
        correlation,
        data: data as StoredEvent["data"],
        envelope,
        hash,
      };
      events.push({ ...told, ...(isThorough ? proofOf(envelope, verifier) : unproven) });
    }
    const count = tables.outbox.size + tables.effects.size;
    if (count > 0) unsettled[service] = count;
  }
  return {
    journal: { accepted: [...journal.accepted], unknownCount: journal.unknown.size },
    events,
    handled: [],
    deadLetters: [],
    doomedDigests: [],
    hostileDigests: [],
    unsettled,
    shownStatuses: Object.fromEntries(
      [...mesh.databases.get("gateway")!.database.tables.rows.values()]
        .filter(({ projection }) => projection === "orders")
        .map(({ key, row }) => [key, String((row as { status: string }).status)]),
    ),
    provider: Object.fromEntries([...outside.ordersKnown].map((orderId) => [orderId, outside.booksOf(orderId)])),
    parcels: Object.fromEntries([...outside.parcels].map(([orderId, keys]) => [orderId, keys.size])),
    notices: [...outside.notices].map(([name, ids]) => {
      const [orderId, noticeKind] = name.split(" ");
      return { orderId: orderId!, noticeKind: noticeKind!, messageIds: [...ids] };
    }),
  };
}

const unproven = Object.freeze({ fault: null, claims: null });

function proofOf(envelope: string, verifier: QuietShop["verifier"]): Pick<StoredEvent, "fault" | "claims"> {
  try {
    return { fault: null, claims: verifyEnvelope(envelope, verifier).claims as unknown as StoredClaims };
  } catch (error) {
    return { fault: errorText(error), claims: null };
  }
}

/** I17: rows are what all events, folded from the first, come to. */
function judgeReadModel({ mesh }: QuietShop): readonly Violation[] {
  const rows = new Map<string, ReturnType<typeof orderRows.initialRow>>();
  for (const event of eventsOf(mesh)) {
    const key = orderRows.keyOf(event);
    if (key !== undefined) rows.set(key, orderRows.apply(rows.get(key) ?? orderRows.initialRow(key), event));
  }
  const violations: Violation[] = [];
  for (const { projection, key, row } of mesh.databases.get("gateway")!.database.tables.rows.values()) {
    if (projection !== orderRows.name) continue;
    // What a second is called depends on the signer's clock, which both know from the envelope only.
    const timeless = (value: unknown) => JSON.parse(JSON.stringify(value, (name, it) => name === "atMs" ? 0 : it));
    try {
      deepStrictEqual(timeless(row), timeless(rows.get(key)));
    } catch {
      violations.push({ rule: "I17", what: `the row of order ${key} is not what its events come to` });
    }
  }
  return violations;
}

function eventsOf(mesh: SimulatedMesh): readonly ProjectedEvent[] {
  return ["orders", "orchestrator", "shipping"].flatMap((service) =>
    mesh.databases.get(service)!.database.tables.events.map((
      { id, type, schemaVersion, stream, version, correlation, data },
    ) => ({
      id,
      type,
      version: schemaVersion,
      stream,
      position: version,
      key: stream.slice(service.length + 1),
      correlation,
      data,
      recordedAtMs: 0,
    }))
  );
}

/** I18: the reducer, given each saga's history again, asks for what it asked for. */
function judgeSagas({ mesh }: QuietShop): readonly Violation[] {
  const host = orchestratorHost();
  const violations: Violation[] = [];
  for (const [stream, rows] of mesh.databases.get("orchestrator")!.database.tables.streams) {
    if (!stream.startsWith("orchestrator/place-order/")) continue;
    try {
      let state = host.initialState(stream.slice("orchestrator/".length));
      for (const { type, schemaVersion, data } of rows) {
        state = host.evolve(state, { type, version: schemaVersion, data });
      }
    } catch (error) {
      violations.push({ rule: "I18", what: `${stream}: ${errorText(error)}` });
    }
  }
  return violations;
}
