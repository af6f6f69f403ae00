import { startInfra, stateDir } from "@mesh/testing/infra";
import type { ContenderSpec } from "./contender_list.ts";
import { installPeers } from "./install_peers.ts";
import type { Arena } from "./measure_contender.ts";

/** Servers and folders of one comparison; disposing of it removes them. */
export interface OpenedArena extends AsyncDisposable {
  readonly arena: Arena;
}

/**
 * Starts a broker and a database of its own, and installs peers where some take part.
 *
 * @throws {UnavailableError} If a server does not start or a peer cannot be installed.
 */
export async function openArena(
  contenders: readonly ContenderSpec[],
  { log, signal }: Pick<Arena, "log" | "signal">,
): Promise<OpenedArena> {
  const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
  const needsPeers = contenders.some(({ runtime }) => runtime === "node");
  const peers = needsPeers ? await installPeers(stateDir(root, Deno.env.toObject(), Deno.uid()), log) : undefined;
  await using cleanUp = new AsyncDisposableStack();
  // Root's own folder for temporary files may be closed to the accounts that the servers run as.
  const dir = Deno.uid() === 0 ? "/tmp" : Deno.env.get("TMPDIR") ?? "/tmp";
  const folder = await Deno.makeTempDir({ dir, prefix: "jangteo-bench-" });
  // The servers' own account must reach its data below.
  await Deno.chmod(folder, 0o711);
  cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
  const serversFolder = `${folder}/servers`;
  // Never those of the environment: what others do there would be measured, too.
  const infra = cleanUp.use(
    await startInfra({ wants: ["rabbitmq", "postgres"], stateDir: serversFolder, keep: false, mode: "local" }),
  );
  log("servers are ready");
  const all = cleanUp.move();
  return {
    arena: { infra, serversFolder, folder, log, signal, ...(peers === undefined ? {} : { peers }) },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
