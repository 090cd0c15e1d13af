import fc from "fast-check";
import { generate, type Packet, parser } from "mqtt-packet";
import { expect, test } from "vitest";
import type { InboundMessage } from "./message.ts";
import { type Rig, startTestBroker, until } from "./server.rig.ts";

const topics = ["dc/demo/r-1/telemetry", "dc/demo/r-2/telemetry", "dc/demo/r-1/status", "shelly/em/0"];
const filters = ["dc/demo/r-1/telemetry", "dc/demo/+/telemetry", "dc/#", "dc/demo/r-1/status", "+/+/r-2/#", "shelly/#"];

test("the lane and the long way give the same messages, acknowledgements and deliveries", async () => {
  const message = fc.record({
    topic: fc.constantFrom(...topics),
    qos: fc.constantFrom(0 as const, 1 as const),
    size: fc.integer({ min: 0, max: 300 }),
  });
  const change = fc.record({
    screen: fc.nat({ max: 1 }),
    filter: fc.constantFrom(...filters),
    qos: fc.constantFrom(0 as const, 1 as const),
    does: fc.constantFrom("subscribe" as const, "unsubscribe" as const),
  });
  const step = fc.record({
    device: fc.nat({ max: 1 }),
    messages: fc.array(message, { minLength: 1, maxLength: 20 }),
    cut: fc.integer({ min: 1, max: 4000 }),
    before: fc.array(change, { maxLength: 2 }),
    meanwhile: fc.array(change, { maxLength: 1 }),
  });
  let straight = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const long = await play(steps, "off");
      const short = await play(steps, "on");
      expect(long.straight).toBe(0);
      straight += short.straight;
      expect({ ...short, straight: 0 }).toEqual(long);
    }),
    { numRuns: 15, endOnFailure: true },
  );
  expect(straight).toBeGreaterThan(0);
});

test("messages read at once are handed over at once and acknowledged together", async () => {
  const batches: (readonly InboundMessage[])[] = [];
  const gate = Promise.withResolvers<void>();
  await using rig = await startTestBroker(
    {},
    {
      onMessages: (batch) => {
        batches.push(batch);
        return gate.promise;
      },
    },
  );
  const device = await openDevice(rig, "meter");
  device.send([1, 2, 3].map((id) => publish({ topic: "dc/demo/r-1/telemetry", qos: 1, id, payload: String(id) })));
  await until(() => batches.flat().length === 3);
  expect(batches.flat().map(({ payload }) => Buffer.from(payload).toString())).toEqual(["1", "2", "3"]);
  expect(device.acks).toEqual([]);
  gate.resolve();
  await until(() => device.acks.length === 3);
  expect(device.acks).toEqual([1, 2, 3]);
});

test("messages that cannot be taken are not acknowledged and their client is closed", async () => {
  await using rig = await startTestBroker({}, { onMessages: () => Promise.reject(new Error("no")) });
  const device = await openDevice(rig, "meter");
  device.send([1, 2].map((id) => publish({ topic: "dc/demo/r-1/telemetry", qos: 1, id, payload: "x" })));
  await device.closed;
  expect(device.acks).toEqual([]);
  expect(rig.codes()).toEqual(["BROKER_MESSAGE_FAILED"]);
  expect(rig.errors).toHaveLength(1);
});

test("a consumer that throws at once is as one that rejects", async () => {
  await using rig = await startTestBroker(
    {},
    {
      onMessage: () => {
        throw new Error("no");
      },
    },
  );
  const device = await openDevice(rig, "meter");
  device.send([publish({ topic: "dc/demo/r-1/telemetry", qos: 1, id: 1, payload: "x" })]);
  await device.closed;
  expect(rig.codes()).toEqual(["BROKER_MESSAGE_FAILED"]);
});

test("a session that is away keeps its telemetry", async () => {
  await using rig = await startTestBroker();
  const options = { clientId: "archive", clean: false };
  const archive = await rig.connect(options);
  await archive.subscribeAsync("dc/demo/+/telemetry", { qos: 1 });
  await archive.endAsync();
  const device = await rig.connect();
  await device.publishAsync("dc/demo/r-1/telemetry", "1", { qos: 1 });
  const received: string[] = [];
  await rig.connect({ ...options, onMessage: (topic) => received.push(topic) });
  await until(() => received.length === 1);
  expect(rig.broker.counters().straight).toBeUndefined();
});

test("the lane is taken again when the last listener is gone", async () => {
  await using rig = await startTestBroker();
  const [screen, device] = [await rig.connect(), await rig.connect()];
  await screen.subscribeAsync("dc/#");
  await device.publishAsync("dc/demo/r-1/telemetry", "1", { qos: 1 });
  expect(rig.broker.counters().straight).toBeUndefined();
  await screen.unsubscribeAsync("dc/#");
  await device.publishAsync("dc/demo/r-1/telemetry", "2", { qos: 1 });
  expect(rig.broker.counters().straight).toBe(1);
});

test("messages of the lane count for the inflight limit", async () => {
  await using rig = await startTestBroker({ BROKER_INFLIGHT: 5 });
  const gate = rig.holdMessages();
  const device = await openDevice(rig, "meter");
  device.send(
    Array.from({ length: 12 }, (_, n) =>
      publish({ topic: "dc/demo/r-1/telemetry", qos: 1, id: n + 1, payload: String(n) }),
    ),
  );
  await until(() => rig.messages.length === 5);
  gate.open();
  await until(() => device.acks.length === 12);
  expect(device.acks).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
});

test("acknowledgements leave before a DISCONNECT that came with their messages", async () => {
  await using rig = await startTestBroker();
  const device = await openDevice(rig, "meter");
  device.send([
    publish({ topic: "dc/demo/r-1/telemetry", qos: 1, id: 7, payload: "x" }),
    generate({ cmd: "disconnect" }),
  ]);
  await device.closed;
  expect(device.acks).toEqual([7]);
});

async function play(steps: readonly Step[], lane: "on" | "off"): Promise<Played> {
  const taken: string[] = [];
  let gate = Promise.withResolvers<void>();
  await using rig = await startTestBroker(
    {},
    {
      lane,
      onMessage: async ({ topic, address, payload, qos, identity }) => {
        taken.push(`${identity.clientId} ${topic} ${address?.kind} ${qos} ${Buffer.from(payload).toString()}`);
        await gate.promise;
      },
    },
  );
  const devices = [await openDevice(rig, "d0"), await openDevice(rig, "d1")];
  const deliveries: string[] = [];
  const screens = await Promise.all(
    ["s0", "s1"].map((clientId) =>
      rig.connect({ clientId, onMessage: (topic, payload) => deliveries.push(`${clientId} ${payload} ${topic}`) }),
    ),
  );
  const filtersOf = [new Set<string>(), new Set<string>()];
  const apply = async ({ screen, filter, qos, does }: Change) => {
    if (does === "subscribe") await screens[screen]?.subscribeAsync(filter, { qos });
    else await screens[screen]?.unsubscribeAsync(filter);
    if (does === "subscribe") filtersOf[screen]?.add(filter);
    else filtersOf[screen]?.delete(filter);
  };
  let count = 0;
  let acks = 0;
  let expected = 0;
  for (const step of steps) {
    for (const change of step.before) await apply(change);
    gate = Promise.withResolvers<void>();
    const device = devices[step.device];
    if (device === undefined) throw new Error("BUG: no such device");
    const packets = step.messages.map(({ topic, qos, size }) => {
      count += 1;
      return publish({
        topic,
        qos,
        id: (count % 65_535) + 1,
        payload: `${step.device} ${qos} ${count} ${"x".repeat(size)}`,
      });
    });
    device.send(packets, step.cut);
    await until(() => taken.length === count);
    for (const change of step.meanwhile) await apply(change);
    gate.resolve();
    acks += step.messages.filter(({ qos }) => qos === 1).length;
    await until(() => devices.flatMap((each) => each.acks).length === acks);
    for (const { topic } of step.messages) {
      for (const each of filtersOf) expected += [...each].filter((filter) => matches(filter, topic)).length;
    }
    await until(() => deliveries.length === expected, `${deliveries.length} of ${expected} deliveries`);
  }
  const { straight = 0 } = rig.broker.counters();
  return {
    taken,
    acks: devices.map((device) => device.acks),
    deliveries: Object.groupBy(deliveries, orderKey),
    straight,
  };
}

/** MQTT promises order for each subscriber, publisher and QoS. [MQTT-4.6.0-6] */
function orderKey(delivery: string): string {
  return delivery.split(" ", 3).join(" ");
}

async function openDevice(rig: Rig, clientId: string): Promise<Device> {
  const { socket, closed } = await rig.raw();
  const acks: number[] = [];
  const parse = parser();
  const ready = Promise.withResolvers<void>();
  parse.on("packet", (packet: Packet) => {
    if (packet.cmd === "connack") ready.resolve();
    if (packet.cmd === "puback") acks.push(packet.messageId ?? 0);
  });
  socket.on("data", (chunk) => parse.parse(chunk));
  socket.write(
    generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId, clean: true, keepalive: 60 }),
  );
  await ready.promise;
  return {
    acks,
    closed,
    send(packets, cut = Number.POSITIVE_INFINITY) {
      const bytes = Buffer.concat(packets);
      socket.write(bytes.subarray(0, cut));
      // Another turn, so that the broker reads two chunks.
      if (bytes.length > cut) setImmediate(() => socket.write(bytes.subarray(cut)));
    },
  };
}

function publish({ topic, qos, id, payload }: { topic: string; qos: 0 | 1; id: number; payload: string }): Buffer {
  const packet = { cmd: "publish", topic, payload, qos, dup: false, retain: false } as const;
  return generate(qos === 0 ? packet : { ...packet, messageId: id });
}

function matches(filter: string, topic: string): boolean {
  return new RegExp(`^${filter.replaceAll("+", "[^/]*").replace(/\/#$/, "(/.*)?")}$`).test(topic);
}

interface Device {
  readonly acks: number[];
  readonly closed: Promise<void>;
  send(packets: readonly Buffer[], cut?: number): void;
}

interface Change {
  readonly screen: number;
  readonly filter: string;
  readonly qos: 0 | 1;
  readonly does: "subscribe" | "unsubscribe";
}

interface Step {
  readonly device: number;
  readonly messages: readonly { readonly topic: string; readonly qos: 0 | 1; readonly size: number }[];
  readonly cut: number;
  readonly before: readonly Change[];
  readonly meanwhile: readonly Change[];
}

interface Played {
  readonly taken: readonly string[];
  readonly acks: readonly (readonly number[])[];
  readonly deliveries: Partial<Record<string, readonly string[]>>;
  readonly straight: number;
}
