import { deepStrictEqual as assertEquals, notStrictEqual as assertDiffers } from "node:assert/strict";
import { emailKeyOf } from "./email.ts";
import { accountSubject, placeSubject, repeatedNoticeSubject } from "./throttle_subject.ts";

Deno.test("placeSubject takes every spelling of one IPv6 network for one place", () => {
  const spellings = ["2001:db8:1:2::1", "2001:0db8:0001:0002:ffff:ffff:ffff:ffff", "2001:DB8:1:2::192.0.2.1"];
  assertEquals(new Set(spellings.map(placeSubject)).size, 1);
  assertDiffers(placeSubject("2001:db8:1:2::1"), placeSubject("2001:db8:1:3::1"));
  assertDiffers(placeSubject("::1"), placeSubject("2001:db8::1"));
});

Deno.test("placeSubject tells IPv4 addresses apart, in IPv6 clothes or not", () => {
  assertEquals(placeSubject("::ffff:192.0.2.7"), placeSubject("192.0.2.7"));
  assertEquals(placeSubject("::ffff:c000:207"), placeSubject("192.0.2.7"));
  assertDiffers(placeSubject("192.0.2.7"), placeSubject("192.0.2.8"));
  assertDiffers(placeSubject("::ffff:192.0.2.7"), placeSubject("::ffff:192.0.2.8"));
});

Deno.test("accountSubject is one for all spellings of an address and does not show it", () => {
  const subjects = ["Mina@Example.com", " mina@example.com "].map((email) => accountSubject(emailKeyOf(email)));
  assertEquals(new Set(subjects).size, 1);
  assertEquals(subjects[0]?.includes("mina"), false);
  assertDiffers(subjects[0], repeatedNoticeSubject("mina@example.com"));
});
