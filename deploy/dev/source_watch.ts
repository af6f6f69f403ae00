import type { Clock } from "@mesh/base";

/** What a change of files asks for. */
export interface Affected {
  /** Processes to restart; `all` stands for every service. */
  readonly restart: "all" | readonly string[];
  /** Files that only a new start of the supervisor takes in: rights, routes, tables. */
  readonly needsNewStart: readonly string[];
}

/**
 * Says what a change of files asks for.
 *
 * @param paths Relative to the root of the repository.
 * @param services Names of the services.
 */
export function affectedBy(paths: readonly string[], services: readonly string[]): Affected {
  const sources = paths.filter((path) => /\.(ts|sql|json)$/.test(path) && !/_(test|fixture|bench)\.ts$/.test(path));
  const restart = new Set<string>();
  let isAll = false;
  for (const path of sources) {
    const [folder, name = "", file = ""] = path.split("/");
    if (folder === "shared" && name !== "testing" && path.endsWith(".ts")) isAll = true;
    if (folder === "tests" && name === "simulators") restart.add("simulators");
    if (folder !== "services" || !services.includes(name)) continue;
    // Other services import it.
    if (file === "contract.ts") isAll = true;
    restart.add(name);
  }
  const needsNewStart = sources.filter((path) =>
    /^services\/[^/]+\/(service|contract)\.ts$/.test(path) || /\/migrations\/[^/]+\.sql$/.test(path) ||
    /^deploy\/(dev\/)?[^/]+\.ts$/.test(path)
  );
  return { restart: isAll ? "all" : [...restart], needsNewStart };
}

/** Where to look and whom to tell. */
export interface WatchOptions {
  /** Root of the repository. */
  readonly root: string;
  readonly clock: Clock;
  /** Takes paths relative to the root, once they have been still for 300 ms. */
  readonly onChange: (paths: readonly string[]) => void;
  readonly signal: AbortSignal;
}

/** 300 ms: editors and version control write in bursts. */
const stillMs = 300;

/** Watches the sources until `signal` aborts. */
export async function watchSources({ root, clock, onChange, signal }: WatchOptions): Promise<void> {
  const folders = ["shared", "services", "deploy", "tests/simulators"].map((folder) => `${root}/${folder}`);
  const watcher = Deno.watchFs(folders, { recursive: true });
  signal.addEventListener("abort", () => watcher.close(), { once: true });
  if (signal.aborted) return watcher.close();
  const changed = new Set<string>();
  let settling: AbortController | undefined;
  const report = () => {
    const paths = [...changed].map((path) => path.slice(root.length + 1));
    changed.clear();
    onChange(paths);
  };
  for await (const { kind, paths } of watcher) {
    if (!["create", "modify", "remove", "rename"].includes(kind)) continue;
    for (const path of paths) changed.add(path);
    settling?.abort();
    const current = settling = new AbortController();
    void clock.delay(stillMs, AbortSignal.any([signal, current.signal])).then(() => {
      if (!current.signal.aborted && !signal.aborted) report();
    });
  }
}
