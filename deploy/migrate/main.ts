/**
 * Brings the databases of services up to date (`deno task migrate`); `--help` says more.
 *
 * @module
 */
import { errorText } from "@mesh/base";
import { helpText, type MigrateTarget, readMigrateTargets } from "./migrate_options.ts";
import { migrateService, readServiceMigrations } from "../migrations.ts";
import { services } from "../topology.ts";

Deno.exit(await run());

async function run(): Promise<number> {
  let targets: readonly MigrateTarget[] | undefined;
  try {
    targets = readMigrateTargets(Deno.args, (name) => Deno.env.get(name), services.map(({ name }) => name));
  } catch (error) {
    console.error(errorText(error));
    return 2;
  }
  if (targets === undefined) {
    console.log(helpText);
    return 0;
  }
  let failures = 0;
  // One after the other: a migration locks tables, and a failure should be seen before the next database is touched.
  for (const target of targets) {
    try {
      const applied = await migrateService(target, await readServiceMigrations(target.service), console.log);
      console.log(`${target.service}: ${applied.length === 0 ? "up to date" : `${applied.length} migrations applied`}`);
    } catch (error) {
      failures += 1;
      console.error(`${target.service}: ${errorText(error)}`);
    }
  }
  return failures === 0 ? 0 : 1;
}
