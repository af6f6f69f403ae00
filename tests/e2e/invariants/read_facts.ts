import { errorText, systemClock } from "@mesh/base";
import { openKeyDirectory, policyIndex, readEmitPolicy, readKeyFiles, verifyEnvelope } from "@mesh/envelope";
import type { TestShop } from "../harness/mod.ts";
import type {
  AuditedEvent,
  DeadMessage,
  HandledMessage,
  Journal,
  NoticeRecord,
  ProviderRecord,
  ShopFacts,
  StoredClaims,
  StoredEvent,
} from "./facts.ts";

/** What the test itself knows. */
export interface Known {
  readonly journal: Journal;
  readonly doomedDigests?: readonly string[];
  readonly hostileDigests?: readonly string[];
  /** What came of verifying envelopes, by envelope: readings one after the other need not verify them again. */
  readonly verdicts?: Map<string, string | null>;
}

/** Reads every database of the shop and the books of the parties outside; the shop should be quiet. */
export async function readFacts({ shop, records }: TestShop, known: Known): Promise<ShopFacts> {
  const verify = remembering(await verifierOf(shop.files), known.verdicts ?? new Map());
  const services = shop.serviceNames;
  const simulator = async <T>(port: number) =>
    await (await fetch(`http://127.0.0.1:${port}/_simulator/ledger`)).json() as T;
  const [events, handled, deadLetters, unsettled, rows, audited, payment, carrier, mail] = await Promise.all([
    Promise.all(services.map((service) => readEvents(records, service, verify))),
    Promise.all(services.map((service) => readHandled(records, service))),
    Promise.all(services.map((service) => readDeadLetters(records, service))),
    records.unsettled(),
    services.includes("gateway") ? readShown(records) : [],
    services.includes("audit") ? readAudited(records) : undefined,
    simulator<{ orders: Record<string, ProviderRecord> }>(shop.ports.payment),
    simulator<{ orders: Record<string, { shipments: number }> }>(shop.ports.carrier),
    simulator<{ notices: NoticeRecord[] }>(shop.ports.mailPage),
  ]);
  return {
    journal: known.journal,
    doomedDigests: known.doomedDigests ?? [],
    hostileDigests: known.hostileDigests ?? [],
    events: events.flat(),
    handled: handled.flat(),
    ...(audited === undefined ? {} : { audited }),
    deadLetters: deadLetters.flat(),
    unsettled,
    shownStatuses: Object.fromEntries(rows.map(({ key, status }) => [key, status])),
    provider: payment.orders,
    parcels: Object.fromEntries(Object.entries(carrier.orders).map(([id, { shipments }]) => [id, shipments])),
    notices: mail.notices,
  };
}

type Records = TestShop["records"];
type Verify = (envelope: string) => string | null;

/** Verifies as the auditor does: signature, signer, policy and destination of anything that any service says. */
async function verifierOf(files: TestShop["shop"]["files"]): Promise<Verify> {
  const verifier = {
    keys: await openKeyDirectory({ readDirectory: readKeyFiles(files.keysFolder), clock: systemClock }),
    policy: policyIndex(readEmitPolicy(await Deno.readTextFile(files.policyFile))),
  };
  return (envelope) => {
    try {
      verifyEnvelope(envelope, verifier);
      return null;
    } catch (error) {
      return errorText(error);
    }
  };
}

function remembering(verify: Verify, verdicts: Map<string, string | null>): Verify {
  return (envelope) => {
    const known = verdicts.get(envelope);
    if (known !== undefined) return known;
    const verdict = verify(envelope);
    verdicts.set(envelope, verdict);
    return verdict;
  };
}

async function readEvents(records: Records, service: string, verify: Verify): Promise<readonly StoredEvent[]> {
  const found = await records.sql(service)<Omit<StoredEvent, "service" | "fault" | "claims">[]>`
    select id, stream, version, type, correlation, data, envelope, hash from mesh.event order by position`;
  return found.map((event) => ({
    ...event,
    service,
    fault: verify(event.envelope),
    claims: claimsOf(event.envelope),
  }));
}

function claimsOf(envelope: string): StoredClaims | null {
  try {
    const payload = Uint8Array.fromBase64(envelope.split(".")[1] ?? "", { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return null;
  }
}

async function readHandled(records: Records, service: string): Promise<readonly HandledMessage[]> {
  return await records.sql(service)<HandledMessage[]>`
    select ${service} as service, message_id as id, digest from mesh.inbox`;
}

async function readDeadLetters(records: Records, service: string): Promise<readonly DeadMessage[]> {
  return await records.sql(service)<DeadMessage[]>`
    select ${service} as service, type, reason, detail, digest from mesh.dead_letter order by id`;
}

async function readAudited(records: Records): Promise<readonly AuditedEvent[]> {
  return await records.sql("audit")<AuditedEvent[]>`
    select owner, id, hash, reason, chain from audit.entry order by position`;
}

async function readShown(records: Records): Promise<readonly { readonly key: string; readonly status: string }[]> {
  return await records.sql("gateway")<{ key: string; status: string }[]>`
    select key, "row"->>'status' as status from mesh.projection p
    where projection = 'orders'
      and generation = coalesce((select g.generation from mesh.projection_generation g where g.projection = p.projection), 1)`;
}
