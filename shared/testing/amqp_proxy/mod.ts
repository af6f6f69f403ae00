/**
 * A proxy between AMQP clients and RabbitMQ that lets go wrong what goes wrong between them. For tests only.
 *
 * @module
 */
export { AmqpProxy, type AmqpProxyOptions, proxiedUrl } from "./amqp_proxy.ts";
export {
  defaultDurations,
  type FaultDurations,
  type FaultName,
  faultNames,
  type FaultRates,
  type RangeMs,
} from "./fault.ts";
