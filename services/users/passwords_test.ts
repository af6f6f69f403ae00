import { deepStrictEqual as assertEquals, match, ok as assert, rejects as assertRejects } from "node:assert/strict";
import { currentCosts, passwordHasher } from "./passwords.ts";

const costs = { memoryKib: 64, passes: 1, lanes: 1 };
const fixedBytes = (count: number) => new Uint8Array(count).fill(2);
const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));

Deno.test("passwordHasher writes PHC strings with today's costs and a salt of their own", async () => {
  const hasher = passwordHasher({ randomBytes });
  const [first, second] = [await hasher.hash("a long password"), await hasher.hash("a long password")];
  match(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert(first !== second);
  assertEquals(currentCosts, { memoryKib: 19_456, passes: 2, lanes: 1 });
});

Deno.test("passwordHasher agrees with another implementation of RFC 9106", async () => {
  // Made with hash-wasm 4.12.0, which is independent of what Deno is built on.
  const phc = "$argon2id$v=19$m=64,t=2,p=1$AgICAgICAgICAgICAgICAg$0Pca0GYSfXBaDuQws7GM3A3YPX2/RAOBcWvJrwGGut4";
  const hasher = passwordHasher({ randomBytes: fixedBytes, costs: { memoryKib: 64, passes: 2, lanes: 1 } });
  assertEquals(await hasher.hash("a long password"), phc);
});

Deno.test("passwordHasher verifies hashes of other costs, and says that they are outdated", async () => {
  const old = await passwordHasher({ randomBytes, costs }).hash("a long password");
  const hasher = passwordHasher({ randomBytes, costs: { ...costs, passes: 2 } });
  assertEquals(await hasher.verify(old, "a long password"), true);
  assertEquals(await hasher.verify(old, "a long passwore"), false);
  assertEquals(hasher.isOutdated(old), true);
  assertEquals(hasher.isOutdated(await hasher.hash("a long password")), false);
});

Deno.test("passwordHasher calls a stored hash that is none a defect, without repeating it", async () => {
  const hasher = passwordHasher({ randomBytes, costs });
  const good = await hasher.hash("a long password");
  const spoilt = [
    "",
    "plain text",
    good.replace("argon2id", "argon2i"),
    good.replace("v=19", "v=16"),
    good.replace("m=64", "m=64000000"),
    good.replace("m=64", "m=4194304"),
    good.replace("t=1", "t=0"),
    good.replace("p=1", "p=99"),
    good.slice(0, -1),
    `${good}$more`,
  ];
  for (const phc of spoilt) {
    const error = await Promise.try(() => hasher.verify(phc, "a long password")).catch((error) => error);
    assertEquals([error.code, phc !== "" && error.message.includes(phc)], ["defect", false]);
  }
});

Deno.test("passwordHasher runs two at once, lets fifty wait, and turns the next one away", async () => {
  let started = 0;
  const slow = passwordHasher({
    // Salt is drawn when the work begins.
    randomBytes: (count) => {
      started += 1;
      return randomBytes(count);
    },
    costs,
  });
  const work = Array.from({ length: 52 }, () => slow.hash("a long password"));
  assertEquals(started, 2);
  await assertRejects(slow.hash("a long password"), { code: "dependency.unavailable", reason: "password-queue-full" });
  assertEquals((await Promise.all(work)).length, 52);
  assertEquals(started, 52);
  // All places are free again.
  await Promise.all(Array.from({ length: 52 }, () => slow.hash("a long password")));
});

Deno.test("passwordHasher gives the place of work that failed to the next", async () => {
  let count = 0;
  const flaky = passwordHasher({
    randomBytes: (bytes) => {
      count += 1;
      if (count <= 2) throw new Error("no entropy");
      return randomBytes(bytes);
    },
    costs,
    runningMax: 1,
    waitingMax: 3,
  });
  const results = await Promise.allSettled([1, 2, 3].map(() => flaky.hash("a long password")));
  assertEquals(results.map(({ status }) => status), ["rejected", "rejected", "fulfilled"]);
});
