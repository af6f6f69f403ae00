import { systemClock } from "@mesh/base";
import { runCli } from "@mesh/cli";
import { meshEnvironment } from "@jangteo/deploy/mesh/environment";
import { meshProgram } from "@jangteo/deploy/mesh/program";
import { seedAccounts } from "@jangteo/deploy/dev/seed-accounts";
import type { TestShop } from "./harness/mod.ts";
import { logIn } from "./storefront/mod.ts";

/** What a command line came to. */
export interface CommandOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Where a command is to act. */
export interface CommandPlace {
  readonly shop: TestShop["shop"];
  /** Hears each line that is printed. */
  readonly onLine?: (line: string) => void;
}

/** Where a command is to act that loads the topology. */
export interface BrokerPlace extends CommandPlace {
  /** Waits of the shop's retry tiers, in milliseconds. */
  readonly tiersMs: readonly number[];
  readonly partitions: number;
}

/** Runs `mesh recover broker`, with more options if wanted. */
export async function recoverBroker(place: BrokerPlace, ...more: readonly string[]): Promise<CommandOutcome> {
  const { shop, tiersMs, partitions } = place;
  return await runMeshCommand([
    ...["recover", "broker", "--reason", "the broker has lost its data", "--vhost", shop.vhost],
    ...["--partitions", String(partitions), "--tiers", tiersMs.join(",")],
    ...more,
  ], place);
}

/** Runs `mesh <args>` as the seeded operator would from another machine. */
export async function runMeshCommand(
  args: readonly string[],
  { shop, onLine = () => {} }: CommandPlace,
): Promise<CommandOutcome> {
  const { token } = await logIn(shop.url, seedAccounts.find(({ role }) => role === "operator")!);
  const variables: Record<string, string> = {
    HOME: shop.folder,
    MESH_TOKEN: token,
    MESH_GATEWAY_URL: shop.url,
    MESH_INTERNAL_URLS: shop.serviceNames.map((name) => `${name}=${shop.internalUrl(name)}`).join(","),
    MESH_RABBITMQ_MANAGEMENT_URL: managementUrlOf(shop),
    MESH_PASSWORDS_FOLDER: await writePasswords(shop),
  };
  const [out, err]: [string[], string[]] = [[], []];
  const into = (lines: string[]) => (text: string) => {
    lines.push(text);
    onLine(text);
  };
  const code = await runCli(
    args,
    meshProgram({
      environment: meshEnvironment((name) => variables[name]),
      file: { update: async (change) => (await change(undefined)).result },
      send: (url, init) => fetch(url, init),
      clock: systemClock,
      terminal: { out: into(out), err: into(err), isColoured: false, ask: () => Promise.resolve(undefined) },
    }),
  );
  return { code, out: out.join("\n"), err: err.join("\n") };
}

function managementUrlOf({ infra: { broker: { management } } }: TestShop["shop"]): string {
  const url = new URL(management.url);
  url.username = management.user;
  url.password = encodeURIComponent(management.password);
  return url.href;
}

/** The passwords that the shop's services log in to the broker with, a file per secret. */
async function writePasswords(shop: TestShop["shop"]): Promise<string> {
  const folder = `${shop.folder}/operator-secrets`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of shop.serviceNames) {
    const { password } = new URL(shop.environmentOf(name).MESH_AMQP_URL!);
    await Deno.writeTextFile(`${folder}/${name}-broker`, decodeURIComponent(password), { mode: 0o600 });
  }
  return folder;
}
