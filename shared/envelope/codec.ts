/**
 * How an envelope is written and read: the one place that knows its form. Everything else works on claims and on tokens
 * that it does not look into, so that a simulation can exchange this module for one that writes less.
 *
 * @module
 */
export { findClaimFault } from "./claim_rules.ts";
export { proveEnvelope, type ProvenEnvelope, refuse } from "./prove.ts";
export { draftEnvelope, type EnvelopeDraft, sealEnvelopes, type SignedEnvelope, signEnvelope } from "./sign.ts";
export { envelopeHash, unprovenClaims } from "./token.ts";
