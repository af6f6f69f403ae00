import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { readOptions } from "./options.ts";

Deno.test("without options the demo finds its shop by itself and gives it half a minute to give up a silent provider", () => {
  assertEquals(readOptions([]), { baseUrl: undefined, isJson: false, patienceMs: 45_000 });
});

Deno.test("a shop is named by its address, a slash at the end or not", () => {
  assertEquals(readOptions(["--base-url", "http://shop.test:8080/"])?.baseUrl, "http://shop.test:8080");
});

Deno.test("--help asks for help, whatever else is wrong", () => {
  assertEquals(readOptions(["--help", "--patience", "never"]), undefined);
});

Deno.test("every fault is told at once", () => {
  throws(() => readOptions(["--base-url", "shop", "--patience", "0"]), {
    code: "config.invalid",
    message: 'Cannot run the demo: --base-url is "shop", which is no address of a web server; ' +
      '--patience is "0", which is no whole number of seconds from 1',
  });
});
