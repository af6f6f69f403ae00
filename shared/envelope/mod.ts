/**
 * The signed envelope: what travels and what is stored. Signs and verifies compact JWS with Ed25519, synchronously.
 *
 * @module
 */
export { canonicalJson, type CanonicalLimits } from "./canonical.ts";
export {
  causeOf,
  commandClaims,
  type CommandFacts,
  type EnvelopeCause,
  eventClaims,
  type EventFacts,
} from "./claims.ts";
export { eventAudience } from "./claim_rules.ts";
export {
  draftEnvelope,
  type EnvelopeDraft,
  envelopeHash,
  sealEnvelopes,
  type SignedEnvelope,
  signEnvelope,
  unprovenClaims,
} from "./codec.ts";
export { type CloudEvent, toCloudEvent } from "./cloudevents.ts";
export type { Envelope, EnvelopeClaims, RefusalReason } from "./envelope.ts";
export { type EnvelopeTyp, typOf } from "./header.ts";
export {
  fixedKeyDirectory,
  type KeyDirectory,
  type KeyDirectoryOptions,
  keyFile,
  type KeyStatus,
  type KnownKey,
  openKeyDirectory,
  type PublishedJwk,
  type ReadDirectory,
} from "./key_directory.ts";
export { readKeyFiles } from "./key_files.ts";
export {
  type CallEdge,
  type EmitPolicy,
  emitPolicyFrom,
  type EmitRule,
  type PolicyIndex,
  policyIndex,
  readEmitPolicy,
} from "./policy.ts";
export { type PublicJwk, type PublicKey, publicKeyFromJwk, thumbprint } from "./public_key.ts";
export { type Receiver, receiverOf } from "./receiver.ts";
export { type GeneratedKey, generateSigningKey, type SigningKey, signingKeyFromJwk } from "./signing_key.ts";
export { envelopeBytesMax } from "./token.ts";
export { type DeliveryFacts, type Verifier, verifyEnvelope, verifyWithRefresh } from "./verify.ts";
