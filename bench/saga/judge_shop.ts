import type { Shop } from "@jangteo/deploy/dev/start-shop";
import type { BenchGoods } from "./bench_shop.ts";
import { faultsOfRun, type LedgerEntry, type RunFacts } from "./judge_run.ts";
import type { ShopBooks } from "./shop_books.ts";

/** What a shop is judged by. */
export interface JudgedShop {
  readonly shop: Shop;
  readonly books: ShopBooks;
  readonly goods: BenchGoods;
}

/**
 * Reads all books of a shop that is quiet and compares them with what was ordered.
 *
 * @returns What is wrong; empty when the run counts.
 */
export async function faultsOfShop(
  { shop, books, goods }: JudgedShop,
  orders: RunFacts["orders"],
): Promise<readonly string[]> {
  const response = await fetch(`http://127.0.0.1:${shop.ports.payment}/_simulator/ledger`);
  const { orders: ledger } = await response.json() as { readonly orders: Readonly<Record<string, LedgerEntry>> };
  return faultsOfRun({
    orders,
    unitsPerSku: goods.unitsPerSku,
    priceMinor: goods.priceMinor,
    stock: await books.readStock(),
    ledger,
    statuses: await books.readStatuses(),
    deadLetters: await books.countDeadLetters(),
    unsettled: await books.countUnsettled(),
  });
}
