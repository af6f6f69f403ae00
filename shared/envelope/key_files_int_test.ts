import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { systemClock } from "@mesh/base";
import { openKeyDirectory, readKeyFiles } from "./mod.ts";
import { keyFiles, keys } from "./test_world.ts";

Deno.test("a folder of key files, some of them links, opens as a key directory", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/mounted`);
    for (const [name, text] of Object.entries(keyFiles())) {
      await Deno.writeTextFile(`${folder}/mounted/${name}`, text);
      await Deno.symlink(`${folder}/mounted/${name}`, `${folder}/${name}`);
    }
    await Deno.writeTextFile(`${folder}/orders.key.json`, "private, and none of our business");
    const directory = await openKeyDirectory({ readDirectory: readKeyFiles(folder), clock: systemClock });
    assertEquals(directory.find(keys.orders.kid)?.service, "orders");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
