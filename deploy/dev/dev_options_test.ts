import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { readDevOptions } from "./dev_options.ts";

Deno.test("without options everything is as a newcomer expects it", () => {
  assertEquals(readDevOptions([]), { portOffset: 0, isWatching: true, logLevel: "info", isFresh: false });
});

Deno.test("every option is read", () => {
  const args = ["--fresh", "--no-watch", "--log-level", "debug", "--port-offset", "1000", "--state-dir", "/tmp/x"];

  assertEquals(readDevOptions(args), {
    portOffset: 1000,
    isWatching: false,
    logLevel: "debug",
    isFresh: true,
    stateFolder: "/tmp/x",
  });
});

Deno.test("help goes before everything else", () => {
  assertEquals(readDevOptions(["--help", "--port-offset", "x"]), undefined);
});

Deno.test("what is no option, no number or no level is told", () => {
  for (
    const args of [["--frsh"], ["up"], ["--port-offset", "-1"], ["--port-offset", "1.5"], ["--log-level", "loud"], [
      "--state-dir",
      "here",
    ]]
  ) throws(() => readDevOptions(args), { code: "config.invalid", message: /^Cannot start: / });
});
