import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, FrameReader, frameTypes, joined } from "./frame.ts";
import { said } from "./scripted_peers.ts";
import { UnitReader } from "./unit.ts";

const anyFrame = fc.tuple(
  fc.constantFrom(frameTypes.method, frameTypes.header, frameTypes.body, frameTypes.heartbeat),
  fc.nat(0xffff),
  fc.uint8Array({ maxLength: 40 }),
);

Deno.test("frames are the same however the stream of bytes is split", () => {
  fc.assert(fc.property(
    fc.array(anyFrame, { maxLength: 12 }),
    fc.boolean(),
    fc.array(fc.nat(60), { maxLength: 40 }),
    (frames, hasHeader, cuts) => {
      const header = new TextEncoder().encode("AMQP\x00\x00\x09\x01");
      const stream = joined([
        ...(hasHeader ? [header] : []),
        ...frames.map(([type, channel, payload]) => encodeFrame(type, channel, payload)),
      ]);

      const reader = new FrameReader();
      const read = split(stream, cuts).flatMap((chunk) => reader.push(chunk));

      const got = (hasHeader ? read.slice(1) : read).map(({ type, channel, payload }) => [type, channel, [...payload]]);
      assertEquals(got, frames.map(([type, channel, payload]) => [type, channel, [...payload]]));
      assertEquals(joined(read.map(({ bytes }) => bytes)), stream);
    },
  ));
});

Deno.test("a method comes with all of its content however the stream of bytes is split", () => {
  const methods = [said.publish("a"), said.ack(1), said.deliver("c", 2), said.publish("long enough for two bodies")];
  fc.assert(fc.property(fc.array(fc.nat(60), { maxLength: 40 }), (cuts) => {
    const reader = new UnitReader();

    const units = split(joined(methods), cuts).flatMap((chunk) => reader.push(chunk));

    assertEquals(units.map(({ bytes }) => [...bytes]), methods.map((bytes) => [...bytes]));
  }));
});

Deno.test("contents on two channels may come in turn", () => {
  const other = said.publish("b").slice();
  const [one, two] = [framesOf(said.publish("a")), framesOf(other)];
  const reader = new UnitReader();

  const units = one.flatMap((frame, at) => [...reader.push(frame), ...reader.push(onChannel(2, two[at]!))]);

  assertEquals(units.map(({ channel }) => channel), [1, 2]);
  assertEquals([...units[0]!.bytes], [...said.publish("a")]);
});

Deno.test("what is no AMQP is refused", () => {
  const broken = said.ack(1).slice();
  broken[broken.length - 1] = 0;

  throws(() => new FrameReader().push(broken), /it ends in 0/);
  throws(() => new UnitReader().push(encodeFrame(frameTypes.body, 1, new Uint8Array(3))), /content on AMQP channel 1/);
  throws(() => new UnitReader().push(joined([framesOf(said.publish("a"))[0]!, said.ack(1)])), /a method on AMQP/);
});

function split(bytes: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at = Math.min(at + size, bytes.length);
  }
  return [...chunks, bytes.subarray(at)];
}

function framesOf(bytes: Uint8Array): readonly Uint8Array[] {
  return new FrameReader().push(bytes).map((frame) => frame.bytes);
}

function onChannel(channel: number, frame: Uint8Array): Uint8Array {
  const moved = frame.slice();
  moved[2] = channel;
  return moved;
}
