/**
 * `deno task demo`: orders of every ending, each followed live and then proven from its signed events.
 *
 * @module
 */
import { ConfigError, errorText, systemClock, systemIds } from "@mesh/base";
import { openDemoShop } from "./open_shop.ts";
import { type DemoOptions, helpText, readOptions } from "./options.ts";
import { runDemo } from "./run_demo.ts";
import { colourPalette, plainPalette, summaryText } from "./screen.ts";
import { demoDocument, silentStage, textStage } from "./stages.ts";

/** @returns The exit code. */
async function demo(options: DemoOptions, interrupted: AbortController): Promise<number> {
  const { isJson, patienceMs } = options;
  const hasColours = Deno.stdout.isTerminal() && !Deno.noColor;
  const palette = hasColours ? colourPalette : plainPalette;
  const print = (text: string) => console.log(text);
  await using shop = await openDemoShop(options, { log: (line) => console.error(line), signal: interrupted.signal });
  if (!isJson) print(`playing at ${shop.url}${shop.isOwn ? ", which gives silent providers up after 5 s" : ""}`);
  const playing = runDemo({
    baseUrl: shop.url,
    patienceMs,
    clock: systemClock,
    ids: systemIds(),
    stage: isJson ? silentStage : textStage(print, palette),
  });
  const outcomes = await Promise.race([playing, aborted(interrupted.signal)]);
  if (outcomes === undefined) return 130;
  print(isJson ? JSON.stringify(demoDocument(shop.url, outcomes), null, 2) : summaryText(outcomes, palette));
  return outcomes.every(({ faults }) => faults.length === 0) ? 0 : 1;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}

function abortOnSignal(): AbortController {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, () => controller.abort());
  return controller;
}

try {
  const options = readOptions(Deno.args);
  if (options === undefined) console.log(helpText);
  Deno.exit(options === undefined ? 0 : await demo(options, abortOnSignal()));
} catch (error) {
  console.error(errorText(error));
  Deno.exit(error instanceof ConfigError ? 2 : 1);
}
