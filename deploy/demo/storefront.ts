import type { Login, ShopClient, Visitor } from "./shop_client.ts";

/** Somebody with an account and an address. */
export interface Customer extends Visitor {
  readonly email: string;
  readonly addressRef: string;
}

/** What a customer asks for. */
export interface WantedOrder {
  readonly lines: readonly { readonly sku: string; readonly units: number }[];
  /** The payment provider's word for a card. */
  readonly paymentMethod: string;
}

/** A product as the storefront lists it. */
export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly priceMinor: number;
  readonly currency: string;
}

/** What is to lie on a shelf. */
export interface Shelf {
  readonly sku: string;
  readonly unitsOnHand: number;
}

/** Registers somebody new, who logs in and adds an address. @throws {ShopRefusal} If the shop refuses one of these. */
export async function joinShop(client: ShopClient, login: Login): Promise<Customer> {
  await client.ask({ method: "POST", path: "/v1/accounts", body: { ...login, displayName: "Demo Customer" } });
  const visitor = await client.logIn(login);
  const { addressRef } = await visitor.ask<{ readonly addressRef: string }>({
    method: "POST",
    path: "/v1/me/addresses",
    body: {
      recipient: "Demo Customer",
      lines: ["1 Market Street"],
      postalCode: "04524",
      city: "Seoul",
      countryCode: "KR",
    },
  });
  return { ...visitor, email: login.email, addressRef };
}

/** Asks for an order. @returns Its id: it is accepted, and will be answered. */
export async function placeOrder(customer: Customer, order: WantedOrder): Promise<string> {
  const { orderId } = await customer.ask<{ readonly orderId: string }>({
    method: "POST",
    path: "/v1/orders",
    body: { ...order, addressRef: customer.addressRef },
  });
  return orderId;
}

/** Lists what is on sale, the first hundred. */
export async function listProducts(client: ShopClient): Promise<readonly Product[]> {
  const { items } = await client.ask<{ readonly items: readonly Product[] }>({
    method: "GET",
    path: "/v1/products?limit=100",
  });
  return items;
}

/** Says, as staff, what a stock-take has found. It is counted shortly after. */
export async function countStock(staff: Visitor, { sku, unitsOnHand }: Shelf): Promise<void> {
  await staff.ask({
    method: "POST",
    path: `/v1/staff/products/${sku}/stock-counts`,
    body: { warehouse: "busan", unitsOnHand },
  });
}

/** Puts a product on sale, as staff. It is listed shortly after. */
export async function putProduct(staff: Visitor, { sku, ...product }: Product): Promise<void> {
  await staff.ask({ method: "PUT", path: `/v1/staff/products/${sku}`, body: { ...product, isListed: true } });
}
