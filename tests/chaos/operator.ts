import { UnavailableError } from "@mesh/base";
import { seedAccounts } from "@jangteo/deploy/dev/seed-accounts";
import type { TestShop } from "../e2e/harness/mod.ts";
import { logIn } from "../e2e/storefront/mod.ts";

/** Calls an operator's route of a service; with a body it is a POST. @throws {UnavailableError} On any refusal. */
export type OperatorCall = (service: string, path: string, body?: unknown) => Promise<unknown>;

/** Logs in as the seeded operator. */
export async function operatorOf(shop: TestShop["shop"]): Promise<OperatorCall> {
  const { token } = await logIn(shop.url, seedAccounts.find(({ role }) => role === "operator")!);
  return async (service, path, body) => {
    const response = await fetch(`${shop.internalUrl(service)}/operator/v1/${path}`, {
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new UnavailableError(`Cannot operate ${service}, ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
}
