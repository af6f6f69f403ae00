import { deepStrictEqual as assertEquals, match } from "node:assert/strict";

const main = new URL("./main.ts", import.meta.url);
const anyPort = ["--payment-port=0", "--carrier-port=0", "--smtp-port=0", "--mail-port=0"];

interface Running extends AsyncDisposable {
  /** What was printed when everything listened: name to address. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly process: Deno.ChildProcess;
}

function command(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env", "--allow-read", "--allow-write", main.pathname]
      .concat(args),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function start(args: readonly string[]): Promise<Running> {
  const process = command(args).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let printed = "";
  while (!/^mails .*\n/m.test(printed)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start the simulators: ${await process.stderr.text()}`);
    printed += value;
  }
  const addresses = Object.fromEntries(
    printed.trim().split("\n").map((
      line,
    ) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]),
  );
  return {
    addresses,
    process,
    [Symbol.asyncDispose]: async () => {
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await Promise.all([process.status, reader.cancel(), process.stderr.cancel()]);
    },
  };
}

async function authorize(url: string, orderId: string): Promise<void> {
  const response = await fetch(`${url}/v1/payment_intents`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_1", "idempotency-key": `authorize-${orderId}` },
    body: new URLSearchParams({
      amount: "1200",
      currency: "eur",
      capture_method: "manual",
      confirm: "true",
      payment_method: "pm_card_visa",
      "metadata[orderId]": orderId,
    }),
  });
  assertEquals(response.status, 200);
  await response.body?.cancel();
}

const ledgerOf = async (url: string) => (await (await fetch(`${url}/_simulator/ledger`)).json()).totals;

Deno.test("main runs all three parties and ends cleanly when it is told to", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using running = await start(anyPort);
    const { addresses, process } = running;
    const kinds = [];
    for (const name of ["payment provider", "carrier", "mails"]) {
      const response = await fetch(`${addresses[name]}/_simulator/ledger`);
      kinds.push(Object.keys(await response.json()).sort());
    }
    process.kill(signal);
    const { code } = await process.status;

    assertEquals(kinds, [["orders", "requests", "totals"], ["orders", "requests", "totals"], [
      "notices",
      "requests",
      "totals",
    ]]);
    match(addresses.mail ?? "", /^smtp:\/\/127\.0\.0\.1:\d+$/);
    assertEquals(code, 0);
  }
});

Deno.test("a killed provider still knows what it charged when it comes back", async () => {
  const stateDir = await Deno.makeTempDir();
  try {
    const args = [...anyPort, `--state-dir=${stateDir}`];
    const before = await (async () => {
      await using running = await start(args);
      const url = running.addresses["payment provider"] ?? "";
      for (const orderId of ["o-1", "o-2", "o-3"]) await authorize(url, orderId);
      const totals = await ledgerOf(url);
      running.process.kill("SIGKILL");
      await running.process.status;
      return totals;
    })();
    await using running = await start(args);
    const url = running.addresses["payment provider"] ?? "";
    await authorize(url, "o-3");

    assertEquals(before.authorizations, 3);
    assertEquals(await ledgerOf(url), before);
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

Deno.test("a port that is taken is named, and nothing keeps running", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const flag of ["payment", "carrier", "smtp", "mail"]) {
    const { code, stderr } = await command([...anyPort, `--${flag}-port=${taken.addr.port}`]).output();

    assertEquals(code, 1);
    match(new TextDecoder().decode(stderr), new RegExp(`127\\.0\\.0\\.1:${taken.addr.port}: the port is taken`));
  }
});
