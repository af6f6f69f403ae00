/**
 * Runs the broker's integration tests on the versions that this machine does not have: RabbitMQ 4.0 from Debian 13 and
 * 4.3 or newer from Debian testing. Each is a system in a folder made by debootstrap; no container engine is needed.
 * Arguments choose suites: `deno task test-brokers trixie`.
 *
 * @module
 */
import { DefectError, errorText } from "@mesh/base";
import { callManagement, startInfra, stateDir, urlFromManagement } from "@mesh/testing/infra";
import { findSourceFiles } from "../gate/find_files.ts";
import { runDeno } from "../gate/run_command.ts";
import { addCounts, closingLine, noTests, parseCounts, type TestCounts } from "../gate/test_counts.ts";
import { buildDebian } from "./debian.ts";

/** Debian's suites and the oldest broker that each must bring to be worth the run. */
const brokerOf: Readonly<Record<string, string>> = { trixie: "4.0", testing: "4.3" };

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const state = stateDir(root, Deno.env.toObject(), Deno.uid());
const log = (line: string) => console.log(`   ${line}`);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop.abort());

Deno.exit(await testSuites(Deno.args.length === 0 ? Object.keys(brokerOf) : Deno.args));

async function testSuites(suites: readonly string[]): Promise<number> {
  let counts = noTests;
  for (const suite of suites) {
    const result = await testSuite(suite).catch((error): TestCounts => {
      console.log(errorText(error));
      return { passed: 0, failed: 1 };
    });
    counts = addCounts(counts, result);
  }
  console.log(closingLine(counts));
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

async function testSuite(suite: string): Promise<TestCounts> {
  const files = (await findSourceFiles(root)).integrationTests.filter((path) => path.startsWith("shared/broker/"));
  if (files.length === 0) throw new DefectError("Cannot test brokers: shared/broker has no integration tests");
  const folder = `${state}/debian/${suite}`;
  await Deno.mkdir(`${state}/debian`, { recursive: true });
  await buildDebian({ folder, suite, packages: ["rabbitmq-server"], log });
  await using infra = await startInfra({ wants: ["rabbitmq"], mode: "local", binariesFrom: folder, log });
  const { management, amqpUrl } = infra.broker;
  const { rabbitmq_version: version } = await callManagement(management, {
    method: "GET",
    path: "/api/overview",
  }) as { rabbitmq_version: string };
  console.log(`-- RabbitMQ ${version} of Debian ${suite}`);
  const oldest = brokerOf[suite] ?? "";
  if (version.localeCompare(oldest, "en", { numeric: true }) < 0) {
    console.log(`Debian ${suite} brings RabbitMQ ${version}, expected ${oldest} or newer`);
    return { passed: 0, failed: 1 };
  }
  const { output } = await runDeno(root, {
    args: ["test", "--frozen", "--no-prompt", "-A", ...files],
    env: { MESH_AMQP_URL: amqpUrl, MESH_RABBITMQ_MANAGEMENT_URL: urlFromManagement(management) },
    isLive: true,
    limitMs: 10 * 60_000,
    signal: stop.signal,
  });
  return parseCounts(output) ?? { passed: 0, failed: 1 };
}
