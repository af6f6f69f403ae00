import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { AuditStore, Batch } from "./audit_store.ts";
import type { Facts, NewEntry } from "./entry.ts";

/** One suite that every adapter of the audit's store keeps. */
export function testAuditStore(name: string, open: () => Promise<AuditStore & Partial<AsyncDisposable>>): void {
  const test = (what: string, body: (store: AuditStore) => Promise<void>) =>
    Deno.test(`${name} ${what}`, async () => {
      const store = await open();
      try {
        await body(store);
      } finally {
        await store[Symbol.asyncDispose]?.();
      }
    });

  test("gives entries back as they were stored, in the order of their recording", async (store) => {
    const late = entry("orders", "1", { recordedAtMs: 2_000 });
    const early = entry("orders", "2", { recordedAtMs: 1_000, reason: "bad-signature" });
    const nameless: NewEntry = {
      owner: "orders",
      envelope: "?",
      hash: "?",
      recordedAtMs: 1_000,
      reason: "malformed",
      facts: {},
    };
    await store.append(batch({ entries: [late, early, nameless] }));

    const found = await store.find({ limit: 10 });

    assertEquals(found.map(({ position: _, ...rest }) => rest), [early, nameless, late]);
  });

  test("moves a feed's cursor with its entries, and keeps the cursor of others", async (store) => {
    assertEquals(await store.loadFeeds(), []);
    assertEquals(await store.append(batch({ next: "c1", completeUntilMs: 5 })), true);
    assertEquals(await store.append(batch({ owner: "payments", next: "p1" })), true);
    assertEquals(await store.append(batch({ stored: "c1", next: "c2", completeUntilMs: 7 })), true);

    assertEquals([...await store.loadFeeds()].sort((a, b) => a.owner < b.owner ? -1 : 1), [
      { owner: "orders", cursor: "c2", completeUntilMs: 7 },
      { owner: "payments", cursor: "p1", completeUntilMs: 0 },
    ]);
  });

  test("stores nothing after a cursor that another process has moved", async (store) => {
    await store.append(batch({ next: "c1" }));

    const outcomes = [
      await store.append(batch({ stored: "", next: "c2", entries: [entry("orders", "1")] })),
      await store.append(batch({ stored: "c0", next: "c2", entries: [entry("orders", "1")] })),
    ];

    assertEquals(outcomes, [false, false]);
    assertEquals([await store.find({ limit: 10 }), (await store.loadFeeds())[0]?.cursor], [[], "c1"]);
  });

  test("finds by each fact and by time, and by all of them together", async (store) => {
    const one = entry("orders", "1", {}, { actor: "mina", correlation: "o-1", type: "orders.order-placed" });
    const two = entry("payments", "2", { recordedAtMs: 2_000 }, { correlation: "o-1", subject: "payments/p-1" });
    const three = entry("orders", "3", { recordedAtMs: 3_000 }, { correlation: "o-2" });
    await store.append(batch({ entries: [one, three] }));
    await store.append(batch({ owner: "payments", entries: [two] }));
    const ids = async (query: Omit<Parameters<AuditStore["find"]>[0], "limit">) =>
      (await store.find({ ...query, limit: 10 })).map(({ facts }) => facts.id?.at(-1)).join("");

    assertEquals({
      correlation: await ids({ correlation: "o-1" }),
      id: await ids({ id: idOf("3") }),
      subject: await ids({ subject: "payments/p-1" }),
      type: await ids({ type: "orders.order-placed" }),
      signer: await ids({ signer: "orders" }),
      actor: await ids({ actor: "mina" }),
      kid: await ids({ kid: "k-payments" }),
      from: await ids({ fromMs: 2_000 }),
      to: await ids({ toMs: 2_000 }),
      both: await ids({ signer: "orders", fromMs: 1_001, toMs: 3_001 }),
      none: await ids({ signer: "orders", correlation: "o-3" }),
    }, {
      correlation: "12",
      id: "3",
      subject: "2",
      type: "1",
      signer: "13",
      actor: "1",
      kid: "2",
      from: "23",
      to: "1",
      both: "3",
      none: "",
    });
  });

  test("finds by type, signer, actor and key far apart in time, in order, page by page, and together", async (store) => {
    const hourMs = 3_600_000;
    const entries = ["1", "2", "3", "4", "5", "6"].map((digit, at) =>
      // Later ones were recorded earlier; two of them in the same millisecond.
      entry("orders", digit, { recordedAtMs: Math.min(6 - at, 5) * hourMs }, {
        type: at % 2 === 0 ? "orders.order-placed" : "orders.done",
        ...(at < 3 ? { actor: "mina" } : {}),
        kid: at === 5 ? "old" : "new",
      })
    );
    await store.append(batch({ entries }));
    const pages = async (query: Omit<Parameters<AuditStore["find"]>[0], "limit" | "after">) => {
      const found: string[] = [];
      let after: { recordedAtMs: number; position: number } | undefined;
      for (;;) {
        const page = await store.find({ ...query, limit: 2, ...(after === undefined ? {} : { after }) });
        if (page.length === 0) return found.join(" ");
        found.push(page.map(({ facts }) => facts.id?.at(-1)).join(""));
        after = page.at(-1)!;
      }
    };

    assertEquals({
      type: await pages({ type: "orders.order-placed" }),
      signer: await pages({ signer: "orders" }),
      actor: await pages({ actor: "mina" }),
      kid: await pages({ kid: "old" }),
      together: await pages({ actor: "mina", type: "orders.done", kid: "new", signer: "orders" }),
      never: await pages({ actor: "mina", kid: "old" }),
      from: await pages({ type: "orders.done", fromMs: 2 * hourMs }),
      to: await pages({ signer: "orders", toMs: 3 * hourMs }),
      stranger: await pages({ type: "orders.unknown" }),
    }, {
      type: "53 1",
      signer: "65 43 12",
      actor: "31 2",
      kid: "6",
      together: "2",
      never: "",
      from: "42",
      to: "65",
      stranger: "",
    });
  });

  test("keeps envelopes that are none byte for byte", async (store) => {
    const envelopes = ["", "a\nb", "\n1\n", '{"a",NULL,\\}', "\t장터 ", "NULL"];
    const entries = envelopes.map((envelope, at): NewEntry => ({
      owner: "orders",
      envelope,
      hash: `hash ${at}`,
      recordedAtMs: 1_000,
      reason: "malformed",
      facts: {},
    }));
    await store.append(batch({ entries }));
    await store.append(batch({ stored: "next", next: "last", entries: entries.slice(0, 1) }));

    const found = await store.find({ limit: 10 });

    assertEquals(found.map(({ envelope }) => envelope), [...envelopes, ""]);
  });

  test("goes on behind a place, also among events of one millisecond", async (store) => {
    const entries = ["1", "2", "3", "4"].map((digit) => entry("orders", digit));
    await store.append(batch({ entries }));
    const pages: string[] = [];
    let after: { recordedAtMs: number; position: number } | undefined;
    for (;;) {
      const page = await store.find({ limit: 3, ...(after === undefined ? {} : { after }) });
      if (page.length === 0) break;
      pages.push(page.map(({ facts }) => facts.id?.at(-1)).join(""));
      after = page.at(-1)!;
    }

    assertEquals(pages, ["123", "4"]);
  });

  test("recalls the last proven event of each stream, whatever order they came in", async (store) => {
    const at = (digit: string, n: number, more: Partial<NewEntry> = {}) =>
      entry("orders", digit, more, { subject: "orders/o-1", n });
    await store.append(batch({ entries: [at("1", 1), at("2", 3, { chain: "gap" }), at("3", 2, { chain: "fork" })] }));
    await store.append(batch({ stored: "next", entries: [at("4", 4, { reason: "bad-signature" }), at("5", 3)] }));

    const { heads } = await store.recall("orders", { streams: ["orders/o-1", "orders/o-2"], envelopes: [] });

    assertEquals(heads, new Map([["orders/o-1", { n: 3, hash: "hash of 2" }]]));
  });

  test("recalls what is stored under an id, of whatever owner, and nameless envelopes by their bytes", async (store) => {
    const nameless = (owner: string): NewEntry => ({
      owner,
      envelope: "?",
      hash: "hash of ?",
      recordedAtMs: 1,
      reason: "malformed",
      facts: {},
    });
    await store.append(batch({ entries: [entry("orders", "1"), entry("orders", "2"), nameless("orders")] }));
    await store.append(batch({
      owner: "payments",
      entries: [
        { ...entry("payments", "1"), hash: "other", reason: "bad-signature" },
        nameless("payments"),
      ],
    }));

    const { rivals } = await store.recall("payments", {
      streams: [],
      envelopes: [{ id: idOf("1"), hash: "new" }, { id: idOf("9"), hash: "new" }, { id: "", hash: "hash of ?" }],
    });

    const sorted = [...rivals].sort().map(([id, found]) => [id, [...found].sort((a, b) => a.owner < b.owner ? -1 : 1)]);
    assertEquals(sorted, [
      ["", [{ owner: "payments", hash: "hash of ?", isVerified: false }]],
      [idOf("1"), [
        { owner: "orders", hash: "hash of 1", isVerified: true },
        { owner: "payments", hash: "other", isVerified: false },
      ]],
    ]);
  });

  test("counts entries, failures by reason, gaps and forks", async (store) => {
    assertEquals(await store.readFigures(), { entryCount: 0, failures: {}, gapCount: 0, forkCount: 0 });
    await store.append(batch({
      entries: [
        entry("orders", "1"),
        entry("orders", "2", { chain: "gap" }),
        entry("orders", "3", { chain: "fork" }),
        entry("orders", "4", { reason: "bad-signature" }),
        entry("orders", "5", { reason: "bad-signature" }),
      ],
    }));

    assertEquals(await store.readFigures(), {
      entryCount: 5,
      failures: { "bad-signature": 2 },
      gapCount: 1,
      forkCount: 1,
    });
  });
}

function idOf(digit: string): string {
  return `0198d6f0-0000-7000-8000-00000000000${digit}`;
}

function batch(more: Partial<Batch>): Batch {
  return { owner: "orders", stored: "", next: "next", completeUntilMs: 0, entries: [], ...more };
}

function entry(owner: string, digit: string, more: Partial<NewEntry> = {}, facts: Partial<Facts> = {}): NewEntry {
  return {
    owner,
    envelope: `envelope ${digit}`,
    hash: `hash of ${digit}`,
    recordedAtMs: 1_000,
    ...(more.reason === undefined ? { chain: "ok" as const } : {}),
    ...more,
    facts: {
      id: idOf(digit),
      signer: owner,
      type: `${owner}.done`,
      schema: `${owner}.done#1`,
      subject: `${owner}/${digit}`,
      n: 1,
      correlation: digit,
      kid: `k-${owner}`,
      issuedAtS: 1,
      ...facts,
    },
  };
}
