import { createHash } from "node:crypto";
import { ConfigError, UnavailableError } from "@mesh/base";

/**
 * Says where the servers of one clone keep their data.
 *
 * It lies outside the clone: a clone under root's home is closed to the account that Postgres needs, and data must
 * not be swept up by an editor, a formatter or a container build. `XDG_STATE_HOME` is honoured for ordinary users.
 *
 * @param clone Absolute path of the clone; two clones never share data.
 * @param env Variables `HOME` and `XDG_STATE_HOME`; only used when not root.
 * @param uid Account of this process; 0 is root.
 * @throws {ConfigError} If an ordinary user has neither variable.
 *
 * @example Root's data lies under /var/lib
 * ```ts
 * import { match } from "node:assert/strict";
 * import { stateDir } from "@mesh/testing/infra";
 *
 * match(stateDir("/root/jangteo", {}, 0), /^\/var\/lib\/jangteo\/[0-9a-f]{8}$/);
 * ```
 */
export function stateDir(clone: string, env: Readonly<Record<string, string>>, uid: number | null): string {
  const hash = createHash("sha256").update(clone).digest("hex").slice(0, 8);
  if (uid === 0) return `/var/lib/jangteo/${hash}`;
  const home = env.XDG_STATE_HOME || (env.HOME ? `${env.HOME}/.local/state` : undefined);
  if (home === undefined) {
    throw new ConfigError("Cannot place the state folder: neither XDG_STATE_HOME nor HOME is set");
  }
  return `${home}/jangteo/${hash}`;
}

/** A folder in use by this process; nobody else can take it until it is released or this process ends. */
export interface FolderLock {
  /** Lets the next one in. */
  release(): void;
}

/**
 * Takes a folder for this process, so that two supervisors never start servers on the same data.
 *
 * The lock belongs to the process, not to the file's existence: it is gone when the process is, however that ended.
 *
 * @throws {UnavailableError} If another process has it.
 */
export function lockFolder(folder: string): FolderLock {
  const file = Deno.openSync(`${folder}/in_use.lock`, { create: true, write: true });
  if (!file.tryLockSync(true)) {
    file.close();
    throw new UnavailableError(`Cannot use ${folder}: another process of this clone is using it; end that one first`);
  }
  return { release: () => file.close() };
}

/**
 * Removes folders that were locked by processes that are gone: what a killed test run left behind.
 *
 * Folders without a lock file are left alone: somebody may be about to take them.
 */
export function removeAbandoned(parent: string, prefix: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(parent)) {
    if (!isDirectory || !name.startsWith(prefix)) continue;
    try {
      const file = Deno.openSync(`${parent}/${name}/in_use.lock`, { write: true });
      const isAbandoned = file.tryLockSync(true);
      if (isAbandoned) Deno.removeSync(`${parent}/${name}`, { recursive: true });
      file.close();
    } catch {
      // It has no lock, belongs to another account, or is being removed by somebody else right now.
    }
  }
}

/**
 * Makes a folder that an account without rights can reach, and gives it to that account.
 *
 * @throws {ConfigError} If a folder above it is closed to others, which a server would only report in its log.
 */
export function makeReachable(
  folder: string,
  account: { readonly uid: number; readonly gid: number } | undefined,
): void {
  Deno.mkdirSync(folder, { recursive: true });
  if (account === undefined) return;
  const parts = folder.split("/");
  for (let depth = 2; depth < parts.length; depth += 1) {
    const above = parts.slice(0, depth).join("/");
    const { mode } = Deno.statSync(above);
    if (mode !== null && (mode & 0o001) === 0) {
      throw new ConfigError(
        `Cannot keep data in ${folder}: ${above} is closed to the account that the server runs as ` +
          `(servers do not run as root); choose another folder or open it with chmod o+x`,
      );
    }
  }
  Deno.chownSync(folder, account.uid, account.gid);
}
