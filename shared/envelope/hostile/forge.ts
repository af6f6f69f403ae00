import { Buffer } from "node:buffer";
import { canonicalJson } from "../canonical.ts";
import type { RefusalReason } from "../envelope.ts";
import { signEnvelope } from "../sign.ts";
import { commandFixture, eventFixture, headerText, keys, signedRaw } from "../test_world.ts";
import type { DeliveryFacts, Verifier } from "../verify.ts";

/** One attack: a token, who meets it, and the word it must be refused with. */
export interface HostileCase {
  readonly name: string;
  readonly reason: RefusalReason;
  readonly token: string | Uint8Array;
  readonly verifier?: Verifier;
  readonly delivery?: DeliveryFacts;
}

/** Signs the good command. */
export const signer = keys.orchestrator;
/** Signs the good event. */
export const owner = keys.inventory;

/** What every attack on a command starts from. */
export const goodCommand = signEnvelope(commandFixture, signer).token;
export const [goodHeader, goodPayload, goodSignature] = goodCommand.split(".") as [string, string, string];
export const commandHeader = headerText(signer, "command");
export const commandText = canonicalJson(commandFixture);

/** @returns A command with other claims, canonical and validly signed. */
export function command(patch: Record<string, unknown>, key = signer): string {
  return signedRaw(headerText(key, "command"), canonicalJson({ ...commandFixture, ...patch }), key);
}

/** @returns An event with other claims, canonical and validly signed. */
export function event(patch: Record<string, unknown>, key = owner): string {
  return signedRaw(headerText(key, "event"), canonicalJson({ ...eventFixture, ...patch }), key);
}

/** @returns Any payload under the good command's header, validly signed. */
export function commandWithText(text: string | Uint8Array): string {
  return signedRaw(commandHeader, text, signer);
}

/** @returns The good command's payload under another header, validly signed. */
export function headed(header: string): string {
  return signedRaw(header, commandText, signer);
}

/** @returns The good command with another signature. */
export function resigned(signature: Uint8Array): string {
  return `${goodHeader}.${goodPayload}.${Buffer.from(signature).toString("base64url")}`;
}

export function encoded(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** @returns The same JSON object with its members back to front. */
export function reordered(text: string): string {
  return JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).reverse()));
}
