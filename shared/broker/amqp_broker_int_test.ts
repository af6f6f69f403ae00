import { startInfra } from "@mesh/testing/infra";
import { brokerConformance } from "./broker_conformance.ts";
import { AmqpWorld } from "./conformance/amqp_world.ts";

// One server for the whole file; the worlds are vhosts of it.
const infra = await startInfra({ wants: ["rabbitmq"] });
Deno.test.afterAll(() => infra.stop());

brokerConformance("a RabbitMQ broker", {
  openWorld: (topology) => AmqpWorld.open(infra.broker, topology),
});
