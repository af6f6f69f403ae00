import { startInfra } from "@mesh/testing/infra";
import { PostgresFixture } from "./conformance/postgres_subject.ts";
import { storeCases } from "./store_conformance.ts";

Deno.test("postgres store", async (test) => {
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  for (const { name, run } of storeCases) {
    await test.step(name, async () => {
      await fixture.clear();
      await run(fixture.subject());
    });
  }
});
