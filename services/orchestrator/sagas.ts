/**
 * Every version of every saga that an unfinished instance may name.
 *
 * A change of structure is a new file with a new version; the old one stays here until no instance is unfinished.
 *
 * @module
 */
import type { Saga } from "@mesh/saga";
import { placeOrder } from "./sagas/place_order.ts";

export const sagas: readonly Saga[] = [placeOrder];
