import {
  deepStrictEqual as assertEquals,
  rejects as assertRejects,
  strictEqual as assertSame,
} from "node:assert/strict";
import { sessionFile } from "./session_file.ts";

async function openFolder() {
  const folder = await Deno.makeTempDir({ prefix: "session_" });
  const path = `${folder}/config/session.json`;
  return { path, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

Deno.test("a session is kept where only its owner may read it, and goes when it is over", async () => {
  await using folder = await openFolder();
  const file = sessionFile(folder.path);
  assertSame(await file.update((text) => Promise.resolve({ text: "one", result: text })), undefined);
  assertSame(await file.update((text) => Promise.resolve({ text, result: text })), "one");
  const modes = [folder.path, folder.path.replace(/\/[^/]+$/, "")].map((path) =>
    (Deno.statSync(path).mode ?? 0) & 0o777
  );
  assertEquals(modes, [0o600, 0o700]);
  await file.update(() => Promise.resolve({ text: undefined, result: null }));
  await file.update(() => Promise.resolve({ text: undefined, result: null }));

  assertSame(await file.update((text) => Promise.resolve({ text, result: text })), undefined);
});

Deno.test("a change that fails leaves the session as it was, and does not lock others out", async () => {
  await using folder = await openFolder();
  const file = sessionFile(folder.path);
  await file.update(() => Promise.resolve({ text: "one", result: null }));
  await assertRejects(file.update(() => Promise.reject(new Error("the shop is away"))), /the shop is away/);

  assertSame(await file.update((text) => Promise.resolve({ text, result: text })), "one");
});

Deno.test("processes change a session one after the other", async () => {
  await using folder = await openFolder();
  const counting = `
    import { sessionFile } from ${JSON.stringify(new URL("session_file.ts", import.meta.url).href)};
    const file = sessionFile(${JSON.stringify(folder.path)});
    for (let turn = 0; turn < 20; turn += 1) {
      await file.update((text) => Promise.resolve({ text: String(Number(text ?? "0") + 1), result: null }));
    }`;
  const root = new URL("../../", import.meta.url).pathname;
  const outputs = await Promise.all([1, 2].map(() =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", counting],
      cwd: root,
      stdout: "null",
      stderr: "piped",
    }).output()
  ));

  assertEquals(outputs.map(({ code, stderr }) => [code, new TextDecoder().decode(stderr)]), [[0, ""], [0, ""]]);
  assertSame(await Deno.readTextFile(folder.path), "40");
});
