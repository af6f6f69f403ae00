import { deepStrictEqual as assertEquals, match, throws } from "node:assert/strict";
import { helpText, readOptions } from "./options.ts";

const presets = {
  paymentPort: 9201,
  carrierPort: 9202,
  smtpPort: 9203,
  mailPort: 9204,
  host: "127.0.0.1",
  stateDir: undefined,
};

Deno.test("options have presets, an empty variable counts as absent", () => {
  assertEquals(readOptions([], { SIMULATOR_SMTP_PORT: "" }), presets);
});

Deno.test("a flag goes before its variable, and that before the preset", () => {
  const env = { SIMULATOR_PAYMENT_PORT: "1", SIMULATOR_CARRIER_PORT: "2", SIMULATOR_STATE_DIR: "/state" };

  assertEquals(readOptions(["--payment-port", "3", "--mail-port=0", "--host=0.0.0.0"], env), {
    ...presets,
    paymentPort: 3,
    carrierPort: 2,
    mailPort: 0,
    host: "0.0.0.0",
    stateDir: "/state",
  });
});

Deno.test("every port that is none is named at once", () => {
  throws(() => readOptions(["--smtp-port", "x"], { SIMULATOR_MAIL_PORT: "70000" }), {
    code: "config.invalid",
    message: /--smtp-port .*is "x".*--mail-port .*is "70000"/,
  });
});

Deno.test("an unknown flag is refused", () => {
  throws(() => readOptions(["--port", "1"], {}), { code: "config.invalid" });
});

Deno.test("help names every flag and its variable", () => {
  assertEquals([readOptions(["--help"], {}), readOptions(["-h"], {})], [undefined, undefined]);
  for (const name of ["payment", "carrier", "smtp", "mail"]) {
    match(helpText, new RegExp(`--${name}-port <port> .*SIMULATOR_${name.toUpperCase()}_PORT`));
  }
});
