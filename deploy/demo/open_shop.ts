import { ConfigError } from "@mesh/base";
import { startShop } from "../dev/start_shop.ts";
import { defaultBaseUrl, type DemoOptions } from "./options.ts";

/** The shop that the demo plays in. */
export interface DemoShop extends AsyncDisposable {
  readonly url: string;
  /** Whether it was started for the demo. */
  readonly isOwn: boolean;
}

/**
 * A shop of one's own gives up after 5 s: a demo is watched by somebody. Everything else is done in a fraction of that,
 * even on a busy machine.
 */
const sagaLimits = { giveUpAfterMs: 5_000, attentionAfterMs: 60_000, retryFirstMs: 500, retryMaxMs: 5_000 };

/** 3 s: a shop that runs says at once that it is ready. */
const probeLimitMs = 3_000;

/**
 * Finds the shop, or starts one.
 *
 * @param signal Ends the start early.
 * @throws {ConfigError} If a shop was named and nobody answers there.
 * @throws {UnavailableError} If no shop can be started.
 */
export async function openDemoShop(
  { baseUrl }: Pick<DemoOptions, "baseUrl">,
  { log, signal }: { readonly log: (line: string) => void; readonly signal: AbortSignal },
): Promise<DemoShop> {
  const url = baseUrl ?? defaultBaseUrl;
  if (await isServing(url)) return { url, isOwn: false, [Symbol.asyncDispose]: () => Promise.resolve() };
  if (baseUrl !== undefined) throw new ConfigError(`Cannot play: no shop is ready at ${baseUrl}`);
  log(`no shop at ${url}: starting one for this demo (about 15 s)`);
  await using cleanUp = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "jangteo-demo-" });
  // The servers' own account must reach its data below.
  await Deno.chmod(folder, 0o711);
  cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
  const shop = cleanUp.use(await startShop({ folder, isSeeded: true, sagaLimits, log, signal }));
  const all = cleanUp.move();
  return { url: shop.url, isOwn: true, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function isServing(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(probeLimitMs) });
    const body = await response.json();
    return response.ok && body.service === "gateway";
  } catch {
    return false;
  }
}
