/**
 * Proves `make dev` and `make test` on a fresh Debian 12 that has nodejs, npm and make, and nothing else.
 *
 * The committed tree is copied into a system made by debootstrap. `make dev` must say that it is ready within 4 minutes,
 * leave no process after Ctrl-C, and be ready within 20 s the second time; then `make test` must pass within
 * 15 minutes. An ordinary user does `make dev` as well, once the servers are installed. Arguments choose parts:
 * `deno task test-fresh dev`, `deno task test-fresh test`, `deno task test-fresh test test-as-user`.
 *
 * @module
 */
import { errorText } from "@mesh/base";
import { isPortFree, stateDir } from "@mesh/testing/infra";
import { buildDebian } from "./debian.ts";
import { runSession, type SessionPlan, type SessionResult } from "./fresh_session.ts";
import { run } from "./run_program.ts";

const minuteMs = 60_000;
const readyLine = "ready http://127.0.0.1:8080";
const user = "ann";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const state = stateDir(root, Deno.env.toObject(), Deno.uid());
const log = (line: string) => console.log(`   ${line}`);
const parts = Deno.args.length === 0 ? ["dev", "test"] : Deno.args;
const faults: string[] = [];
// Others may commit while this runs; every part is about one tree.
const commit = (await run(["git", "-C", root, "rev-parse", "HEAD"], {})).trim();

try {
  const folder = await prepare();
  try {
    if (parts.includes("dev")) await proveDev(folder);
    if (parts.includes("test")) await proveTest(folder, "root");
    if (parts.includes("test-as-user")) await proveTest(folder, user);
  } finally {
    // Its processes are gone with their process space, its mounts with their mount space.
    await Deno.remove(folder, { recursive: true });
  }
} catch (error) {
  faults.push(errorText(error));
}
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(faults.length === 0 ? `proved ${parts.join(" and ")} on a fresh Debian 12` : `${faults.length} faults`);
Deno.exit(faults.length === 0 ? 0 : 1);

async function prepare(): Promise<string> {
  const base = `${state}/debian/bookworm`;
  await Deno.mkdir(`${state}/debian`, { recursive: true });
  await buildDebian({ folder: base, suite: "bookworm", packages: ["nodejs", "npm", "make"], log });
  const folder = await Deno.makeTempDir({ dir: `${state}/debian`, prefix: "fresh-" });
  await Deno.chmod(folder, 0o755);
  log("copying the system and the committed tree");
  await run(["cp", "-a", `${base}/.`, folder], {});
  const tree = "mkdir -p $1/root/jangteo && git -C $0 archive $2 | tar -x -C $1/root/jangteo";
  await run(["sh", "-c", tree, root, folder, commit], {});
  return folder;
}

async function proveDev(folder: string): Promise<void> {
  if (!isPortFree(8080)) return void faults.push("port 8080 is taken on this machine; end what listens on it");
  const dev = { folder, command: "make dev", user: "root", interruptAt: readyLine, log };
  judge("first make dev", await runSession({ ...dev, limitMs: 4 * minuteMs }), [130]);
  judge("second make dev", await runSession({ ...dev, limitMs: 20_000 }), [130]);
  await addUser(folder);
  // The first time of this user fetches Deno and the dependencies; the servers are there.
  const asUser = { ...dev, user };
  judge("first make dev of an ordinary user", await runSession({ ...asUser, limitMs: 4 * minuteMs }), [130]);
  judge("second make dev of an ordinary user", await runSession({ ...asUser, limitMs: 20_000 }), [130]);
}

async function proveTest(folder: string, user: string): Promise<void> {
  if (user !== "root") await addUser(folder);
  const plan: SessionPlan = { folder, command: "make test", user, limitMs: 15 * minuteMs, log };
  const result = await runSession(plan);
  judge(`make test as ${user}`, result, [0]);
  const closing = result.lines.at(-1) ?? "";
  if (!/^[1-9]\d* passed, 0 failed$/.test(closing)) faults.push(`make test ended with the line "${closing}"`);
}

/** Notes what is wrong with a session; Ctrl-C ends with 0 or with the code of the signal, anything else is a crash. */
function judge(name: string, { durationMs, code, leftovers }: SessionResult, codes: readonly number[]): void {
  console.log(`${name}: ${(durationMs / 1000).toFixed(1)} s, code ${code}, ${leftovers.length} processes left`);
  if (code !== 0 && !codes.includes(code)) faults.push(`${name} ended with code ${code}`);
  for (const process of leftovers) faults.push(`${name} left process ${process}`);
}

/** An ordinary user with a clone of their own; everything system-wide must be installed by then. */
async function addUser(folder: string): Promise<void> {
  if ((await Deno.readTextFile(`${folder}/etc/passwd`)).includes(`\n${user}:`)) return;
  await run(["chroot", folder, "useradd", "--create-home", user], {});
  const tree = "mkdir -p $1 && git -C $0 archive $4 | tar -x -C $1 && { cp $2/root/.npmrc $2/home/$3/ || true; } && " +
    "chroot $2 chown -R $3:$3 /home/$3";
  await run(["sh", "-c", tree, root, `${folder}/home/${user}/jangteo`, folder, user, commit], {});
}
