/**
 * Stands in the place of the broker's client library (`crash_map.json`): the same library, which says what it is about to
 * do.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import * as amqplib from "amqplib";
import type { BrokerMoment } from "./crash_points.ts";

/** Hears what happens at the broker's client. */
export interface BrokerWatcher {
  readonly reach: (moment: BrokerMoment) => void;
  readonly delivered: (channel: object) => void;
  readonly acked: (channel: object, deliveryTag: number) => void;
}

const watching: { by: BrokerWatcher } = { by: { reach: () => {}, delivered: () => {}, acked: () => {} } };

/** @param watcher Hears of everything, just as it comes. */
export function plantAtBroker(watcher: BrokerWatcher): void {
  watching.by = watcher;
}

/** As amqplib's own. */
export async function connect(...args: Parameters<typeof amqplib.connect>): Promise<amqplib.ChannelModel> {
  const model = await amqplib.connect(...args);
  const { createChannel, createConfirmChannel } = model;
  model.createChannel = async (...given) => watchConsuming(await createChannel.apply(model, given));
  model.createConfirmChannel = async (...given) => watchPublishing(await createConfirmChannel.apply(model, given));
  return model;
}

function watchConsuming(channel: amqplib.Channel): amqplib.Channel {
  const { consume, ack } = channel;
  channel.consume = (queue, onMessage, options) =>
    consume.call(channel, queue, (message) => {
      watching.by.delivered(channel);
      watching.by.reach("delivered");
      onMessage(message);
    }, options);
  channel.ack = (...args) => {
    watching.by.reach("acking");
    ack.apply(channel, args);
    afterWrite(() => {
      watching.by.acked(channel, args[0].fields.deliveryTag);
      watching.by.reach("acked");
    });
  };
  return channel;
}

function watchPublishing(channel: amqplib.ConfirmChannel): amqplib.ConfirmChannel {
  const { publish } = channel;
  channel.publish = (exchange, routingKey, content, options, onSettled) => {
    watching.by.reach("publishing");
    const isWilling = publish.call(channel, exchange, routingKey, content, options, (...outcome) => {
      watching.by.reach("confirmed");
      onSettled?.(...outcome);
    });
    afterWrite(() => watching.by.reach("sent"));
    return isWilling;
  };
  return channel;
}

/** What is said in one turn of the event loop is written at its end; two turns later the bytes are with the system. */
function afterWrite(tell: () => void): void {
  setImmediate(() => setImmediate(tell));
}
