import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { type Clock, systemIds } from "@mesh/base";
import { contractRegistry } from "@mesh/contract";
import {
  commandClaims,
  emitPolicyFrom,
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  policyIndex,
  receiverOf,
  signEnvelope,
  signingKeyFromJwk,
  verifyEnvelope,
} from "@mesh/envelope";
import { Reserve } from "../contenders/mesh/contracts.ts";
import { participants, services } from "../contenders/mesh/services.ts";
import { orderData } from "../contenders/order_data.ts";

/** Envelopes per slice: some 50 ms, long against the clock's grain and short against whatever disturbs. */
const slice = 1_000;

/** Ratios of speed: 1 when an envelope costs no more than the bare signature over its bytes. */
export interface SigningRatios {
  readonly sign: number;
  readonly verify: number;
}

/** Compares signing and verifying of a whole envelope with the bare Ed25519 operation on the same bytes. */
export function measureSigning(clock: Pick<Clock, "monotonicMs">): SigningRatios {
  const { envelope, bare } = signingWork();
  const timed = (work: () => void) => {
    const beginMs = clock.monotonicMs();
    for (let count = 0; count < slice; count += 1) work();
    return clock.monotonicMs() - beginMs;
  };
  // Compiled and warm before it counts.
  for (const work of [envelope.sign, envelope.verify, bare.sign, bare.verify]) timed(work);
  return {
    sign: timed(bare.sign) / timed(envelope.sign),
    verify: timed(bare.verify) / timed(envelope.verify),
  };
}

function signingWork() {
  const sender = "orchestrator";
  const { privateJwk } = generateSigningKey(sender);
  const key = signingKeyFromJwk(sender, privateJwk);
  const { x } = JSON.parse(privateJwk) as { readonly x: string };
  const published = keyFile(sender, [{ jwk: { kty: "OKP", crv: "Ed25519", x, kid: key.kid }, status: "active" }]);
  const inventory = participants.find(({ name }) => name === "inventory")!;
  const verifier = {
    keys: fixedKeyDirectory({ [published.name]: published.text }),
    policy: policyIndex(emitPolicyFrom(services)),
    receiver: receiverOf(inventory),
    contracts: contractRegistry(inventory.accepts),
  };
  const ids = systemIds();
  const orderId = ids.next();
  const claims = commandClaims({
    message: Reserve(orderData(orderId)),
    service: sender,
    id: ids.next(),
    correlation: orderId,
    causation: null,
    nowMs: 1_800_000_000_000,
  });
  const { token } = signEnvelope(claims, key);
  const body = new TextEncoder().encode(token);
  const at = token.lastIndexOf(".");
  const signed = Buffer.from(token.slice(0, at));
  const signature = Buffer.from(token.slice(at + 1), "base64url");
  const privateKey = createPrivateKey({ key: JSON.parse(privateJwk), format: "jwk" });
  const publicKey = createPublicKey(privateKey);
  return {
    envelope: { sign: () => void signEnvelope(claims, key), verify: () => void verifyEnvelope(body, verifier) },
    bare: {
      sign: () => void sign(null, signed, privateKey),
      verify: () => void verify(null, signed, publicKey, signature),
    },
  };
}
