import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { createMailBox } from "./mail_box.ts";

const envelope = { from: "shop@jangteo.example", to: ["mina@example.com"] };
const raw = (messageId: string, orderId = "o-1") =>
  `Message-ID: <${messageId}>\r\nSubject: Hello\r\nX-Order-Id: ${orderId}\r\nX-Notice-Kind: confirmed\r\n\r\nText\r\n`;

Deno.test("a mail box shows what arrived, newest first", () => {
  const box = createMailBox();
  box.store(raw("a@x"), envelope, 0);
  box.store(raw("b@x", "o-2"), envelope, 1_000);

  assertEquals(box.list().map(({ id, messageId }) => [id, messageId]), [[2, "<b@x>"], [1, "<a@x>"]]);
  assertEquals(box.find(1), {
    id: 1,
    messageId: "<a@x>",
    ...envelope,
    subject: "Hello",
    text: "Text",
    orderId: "o-1",
    noticeKind: "confirmed",
    receivedAt: "1970-01-01T00:00:00.000Z",
  });
});

Deno.test("a mail box lists by order and by recipient", () => {
  const box = createMailBox();
  box.store(raw("a@x"), envelope, 0);
  box.store(raw("b@x", "o-2"), { ...envelope, to: ["joon@example.com"] }, 0);

  const ids = (mails: readonly { readonly id: number }[]) => mails.map(({ id }) => id);
  assertEquals([ids(box.list({ orderId: "o-1" })), ids(box.list({ to: "joon@example.com" }))], [[1], [2]]);
});

Deno.test("the ledger tells the same mail twice from two mails for one notice", () => {
  const box = createMailBox();
  for (const id of ["a@x", "a@x", "b@x"]) box.store(raw(id), envelope, 0);

  assertEquals(box.ledger("o-1"), {
    notices: [{ orderId: "o-1", noticeKind: "confirmed", messageIds: ["<a@x>", "<b@x>"], arrivals: 3 }],
    totals: { arrivals: 3 },
  });
});

Deno.test("a full mail box drops its oldest mail and still counts it", () => {
  const box = createMailBox(2);
  for (const id of ["a@x", "b@x", "c@x"]) box.store(raw(id), envelope, 0);

  assertEquals([box.list().map(({ messageId }) => messageId), box.ledger().totals.arrivals], [["<c@x>", "<b@x>"], 3]);
});
