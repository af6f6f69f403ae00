/**
 * What one may ask of the gateway over the mesh, and what it tells everyone: nothing. People reach it over HTTP, and what
 * it sends are the commands of others.
 *
 * @module
 */
import type { AnyContract } from "@mesh/contract";

/** Every contract of the service, for locks and topology. */
export const contracts: readonly AnyContract[] = [];
