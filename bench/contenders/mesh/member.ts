/**
 * Runs one service of the compared saga as any service is run: `member.ts <service>`. Orders places what it is told on
 * standard input, a line of ids at a time.
 *
 * @module
 */
import { type RunningService, runService } from "@mesh/runtime";
import { orderData } from "../order_data.ts";
import { PlaceOrder } from "./contracts.ts";
import { behaviours, orders, services } from "./services.ts";

async function placeWhatIsTold({ execute }: RunningService): Promise<void> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const orderId of lines.flatMap((line) => line.split(" "))) {
      execute(PlaceOrder(orderData(orderId)), { correlation: orderId }).catch((error) => {
        console.error(`Order ${orderId} was not placed`, error);
        Deno.exit(70);
      });
    }
  }
}

if (import.meta.main) {
  const definition = services.find(({ name }) => name === Deno.args[0])!;
  await runService(definition, (name) => Deno.env.get(name), () => ({
    behaviour: behaviours[definition.name]!,
    tasks: definition === orders ? [(running, signal) => Promise.race([placeWhatIsTold(running), ended(signal)])] : [],
  }));
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
