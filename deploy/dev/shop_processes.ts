import type { ServiceDefinition } from "@mesh/contract";
import { denoFlags } from "../permissions.ts";
import type { ChildSpec } from "./service_process.ts";
import { environmentOf, type EnvironmentPlan, passedOn, pick } from "./shop_environment.ts";

/** Name of the process that stands for all parties outside the shop. */
export const simulators = "simulators";

/** How to run a service: with the least permissions. */
export function serviceSpec(service: ServiceDefinition, plan: EnvironmentPlan): Pick<ChildSpec, "args" | "env"> {
  const env = environmentOf(service, plan);
  const main = new URL(`../../services/${service.name}/main.ts`, import.meta.url).pathname;
  return { args: ["run", ...denoFlags(service, env), main], env };
}

/** How to run the simulators, which keep what was charged and booked in the shop's folder. */
export function simulatorsSpec(
  folder: string,
  { ports, inherited }: EnvironmentPlan,
): Pick<ChildSpec, "args" | "env"> {
  const main = new URL("../../tests/simulators/main.ts", import.meta.url).pathname;
  const { payment, carrier, smtp, mailPage } = ports;
  const state = `${folder}/simulators`;
  return {
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--frozen",
      "--allow-net=127.0.0.1",
      "--allow-env",
      `--allow-read=${state}`,
      `--allow-write=${state}`,
      main,
      ...["--payment-port", String(payment), "--carrier-port", String(carrier)],
      ...["--smtp-port", String(smtp), "--mail-port", String(mailPage), "--state-dir", state],
    ],
    env: { ...pick(inherited, passedOn), DENO_NO_UPDATE_CHECK: "1" },
  };
}
