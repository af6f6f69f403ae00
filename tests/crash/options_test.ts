import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { readCrashOptions } from "./options.ts";

Deno.test("a run without options plays every point once, three processes side by side", () => {
  assertEquals(readCrashOptions([]), { rounds: 1, lanes: 3, isList: false });
});

Deno.test("processes and points are parted by commas", () => {
  assertEquals(
    readCrashOptions(["--rounds", "3", "--only", "orders,audit", "--points", "before ack,swept", "--list"]),
    {
      rounds: 3,
      lanes: 3,
      isList: true,
      services: ["orders", "audit"],
      points: ["before ack", "swept"],
    },
  );
});

Deno.test("help is asked for, and what is wrong is named", () => {
  assertEquals(readCrashOptions(["--help"]), undefined);
  assertThrows(() => readCrashOptions(["--rounds", "0"]), { code: "config.invalid", message: /--rounds is "0"/ });
  assertThrows(() => readCrashOptions(["--all"]), { code: "config.invalid", message: /--help lists the options/ });
});
