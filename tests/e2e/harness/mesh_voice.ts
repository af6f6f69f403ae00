import { systemClock, systemIds } from "@mesh/base";
import { type Broker, connectBroker, type Publisher, type PublishOutcome } from "@mesh/broker";
import { type AnyCommand, destinationOf } from "@mesh/contract";
import { commandClaims, signEnvelope, type SigningKey, signingKeyFromJwk } from "@mesh/envelope";
import { callTokenIssuer, httpPeerClient, type PeerClient } from "@mesh/runtime";
import type { Shop } from "@jangteo/deploy/dev/start-shop";

/** How a command is sent. */
export interface Sending {
  /** Message id; drawn when absent. */
  readonly id?: string;
  /** The flow; the message id when absent. */
  readonly correlation?: string;
}

/** Speaks as one of the shop's services: with its key, its user at the broker, its call tokens. */
export interface MeshVoice extends AsyncDisposable {
  readonly service: string;
  readonly key: SigningKey;
  /** Publishes anything that the broker lets this service publish. */
  readonly publisher: Publisher;
  readonly peers: PeerClient;
  /** Signs a command and publishes it. */
  send(command: AnyCommand, how?: Sending): Promise<{ readonly id: string; readonly outcome: PublishOutcome }>;
}

/** Takes the voice of a service of the shop; the service itself may be running or not. */
export async function openVoice(shop: Shop, service: string): Promise<MeshVoice> {
  const env = shop.environmentOf(service);
  const key = signingKeyFromJwk(service, await Deno.readTextFile(env.MESH_SIGNING_KEY_FILE!));
  const broker: Broker = await connectBroker({
    url: env.MESH_AMQP_URL!,
    connectionName: `voice of ${service}`,
    clock: systemClock,
  });
  const publisher = await broker.openPublisher();
  const ids = systemIds();
  const addresses = Object.fromEntries(shop.serviceNames.map((name) => [name, shop.internalUrl(name)]));
  return {
    service,
    key,
    publisher,
    peers: httpPeerClient(addresses, callTokenIssuer(key, systemClock)),
    send: async (message, { id = ids.next(), correlation = id } = {}) => {
      const claims = commandClaims({
        message,
        id,
        service,
        correlation,
        causation: null,
        nowMs: systemClock.nowMs(),
      });
      const outcome = await publisher.publish({
        ...destinationOf({ ...message, correlation }),
        body: new TextEncoder().encode(signEnvelope(claims, key).token),
        messageId: id,
        type: message.type,
        correlationId: correlation,
        isMandatory: true,
        headers: {},
      });
      return { id, outcome };
    },
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}
