/**
 * Asks an address whether it is well, for health checks of containers without another program: `health/main.ts <url>`.
 *
 * @module
 */
const [url = ""] = Deno.args;
try {
  const { ok, body } = await fetch(url, { signal: AbortSignal.timeout(4_000) });
  await body?.cancel();
  Deno.exit(ok ? 0 : 1);
} catch {
  Deno.exit(1);
}
