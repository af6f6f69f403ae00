import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { noticeKinds, noticeMessageId, noticeText } from "./notice_text.ts";

Deno.test("a notice greets its reader and says what became of the order", () => {
  assertEquals(noticeText("confirmed", { orderId: "o-1", displayName: "Mina Park" }), {
    subject: "Your order o-1 is confirmed",
    text: "Hello Mina Park,\n\n" +
      "Thank you for your order. It is paid and on its way to the address you gave.\n\n" +
      "Order: o-1\n\nJangteo\n",
  });
});

Deno.test("notices of different kinds differ in subject and text", () => {
  const notices = noticeKinds.map((kind) => noticeText(kind, { orderId: "o-1", displayName: "Mina" }));

  assertEquals(
    [new Set(notices.map(({ subject }) => subject)).size, new Set(notices.map(({ text }) => text)).size],
    [noticeKinds.length, noticeKinds.length],
  );
});

Deno.test("a name cannot bring lines of its own into a notice", () => {
  const greeting = (displayName: string) => noticeText("rejected", { orderId: "o-1", displayName }).text.split("\n")[0];

  assertEquals([greeting("Mina\r\n\r\nPay here:\tevil"), greeting(" \n "), greeting("x".repeat(500))], [
    "Hello Mina Pay here: evil,",
    "Hello,",
    `Hello ${"x".repeat(80)},`,
  ]);
});

Deno.test("a Message-ID is the same for one order and kind and differs for any other", () => {
  const ids = ["o-1", "o-2", "o.1", "o%2e1", "o 1\r\n>"].flatMap((orderId) =>
    noticeKinds.map((kind) => noticeMessageId(kind, orderId, "jangteo.example"))
  );

  assertEquals(new Set(ids).size, ids.length);
  assertEquals(ids.filter((id) => !/^<notice\.[a-z]+\.[A-Za-z0-9%*'!~_-]+@jangteo\.example>$/.test(id)), []);
});
