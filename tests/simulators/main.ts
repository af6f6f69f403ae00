import { errorText } from "@mesh/base";
import { startCarrier } from "./carrier.ts";
import { startMailSink } from "./mail_sink.ts";
import { helpText, readOptions, type SimulatorsOptions } from "./options.ts";
import { startPaymentProvider } from "./payment_provider.ts";

async function run(options: SimulatorsOptions): Promise<void> {
  const stopped = stopSignal();
  const { paymentPort, carrierPort, smtpPort, mailPort, host, stateDir } = options;
  const journal = (name: string) => stateDir === undefined ? {} : { journalPath: `${stateDir}/${name}.jsonl` };
  if (stateDir !== undefined) await Deno.mkdir(stateDir, { recursive: true });
  await using payments = await startPaymentProvider({ port: paymentPort, host, ...journal("payments") });
  await using carrier = await startCarrier({ port: carrierPort, host, ...journal("carrier") });
  await using mail = await startMailSink({ smtpPort, pagePort: mailPort, host });
  console.log(`payment provider ${payments.url}`);
  console.log(`carrier ${carrier.url}`);
  console.log(`mail smtp://127.0.0.1:${mail.smtpPort}`);
  console.log(`mails ${mail.url}`);
  await stopped;
}

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, resolve);
  return promise;
}

try {
  const options = readOptions(Deno.args, Deno.env.toObject());
  if (options === undefined) console.log(helpText);
  else await run(options);
  Deno.exit(0);
} catch (error) {
  console.error(errorText(error));
  Deno.exit(1);
}
