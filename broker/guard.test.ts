import fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { expect, test } from "vitest";
import { createGuard, type GuardLimits } from "./guard.ts";

const limits: GuardLimits = { connectBytes: 1000, packetBytes: 2000, inflight: 5, topicBytes: 64, topicLevels: 6 };
const connect = generate({
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clientId: "c",
  clean: true,
  keepalive: 60,
});
const publish = (messageId: number, payload = "x") =>
  generate({ cmd: "publish", topic: "dc/demo/r-1/telemetry", payload, qos: 1, messageId, dup: false, retain: false });
const text = (value: string | number[]) => {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};
const frame = (first: number, ...parts: Buffer[]) => {
  const body = Buffer.concat(parts);
  const length = [];
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7)
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
  return Buffer.concat([Buffer.from([first, ...length]), body]);
};
const connectWith = (flags: number, ...fields: Buffer[]) =>
  frame(0x10, text("MQTT"), Buffer.from([4, flags, 0, 60]), ...fields);

test("the first packet must be CONNECT and there is only one", () => {
  expect(faultOf([publish(1)], "awaited")).toContain("first packet is not CONNECT");
  expect(faultOf([connect])).toContain("second CONNECT");
});

test("nothing passes between CONNECT and its answer", () => {
  const guard = createGuard(limits);
  const stream = Buffer.concat([connect, publish(1)]);
  expect(guard.scan(stream)).toEqual({ ok: true, from: 0, taken: connect.length });
  expect(guard.held).toBe(true);
  guard.answered();
  expect(guard.held).toBe(false);
  expect(guard.scan(stream.subarray(connect.length))).toEqual({ ok: true, from: 0, taken: publish(1).length });
});

test("a CONNECT that comes in pieces passes whole and once, and before that nothing of it", () => {
  for (let cut = 1; cut < connect.length; cut++) {
    const guard = createGuard(limits);
    expect(guard.scan(connect.subarray(0, cut))).toEqual({ ok: true, from: cut, taken: cut });
    const left = connect.length - cut;
    const rest = Buffer.concat([connect.subarray(cut), publish(1)]);
    expect(guard.scan(rest)).toEqual({ ok: true, from: left, taken: left, whole: connect });
    expect(guard.scan(rest, left)).toEqual({ ok: true, from: left, taken: left });
    expect(guard.held).toBe(true);
  }
});

test("messages beyond the inflight limit wait, other packets before them do not", () => {
  const guard = opened();
  const five = Buffer.concat([1, 2, 3, 4, 5].map((id) => publish(id)));
  const ping = generate({ cmd: "pingreq" });
  const rest = Buffer.concat([ping, publish(6), publish(7)]);
  expect(guard.scan(Buffer.concat([five, rest]))).toEqual({ ok: true, from: 0, taken: five.length + ping.length });
  expect(guard.held).toBe(true);
  guard.release();
  expect(guard.scan(rest.subarray(ping.length))).toEqual({ ok: true, from: 0, taken: publish(6).length });
});

test("a chunk full of small packets passes some at a time", () => {
  const guard = opened();
  const pings = Buffer.concat(Array(1000).fill(generate({ cmd: "pingreq" })));
  let at = 0;
  let times = 0;
  for (; at < pings.length; times += 1) {
    const result = guard.scan(pings, at);
    if (!result.ok) throw new Error(result.fault.reason);
    expect(result.from).toBe(at);
    expect(result.taken - at).toBeLessThanOrEqual(128);
    expect(guard.held).toBe(false);
    at = result.taken;
  }
  expect(times).toBe(Math.ceil(1000 / 64));
});

test("what asks for an answer keeps a pace of its own, and messages do not wait for it", () => {
  let asked = 0;
  const guard = createGuard(limits);
  guard.scan(connect);
  const asks = { mayPass: () => asked < 3, pass: () => (asked += 1), stop: () => undefined };
  guard.answered(null, asks);
  const ping = generate({ cmd: "pingreq" });
  const stream = Buffer.concat([publish(1), ping, ping, publish(2), ping, publish(3), ping]);
  expect(guard.scan(stream)).toEqual({ ok: true, from: 0, taken: stream.length - ping.length });
  expect(guard.held).toBe(true);
  asked = 0;
  guard.release(0);
  expect(guard.scan(ping)).toEqual({ ok: true, from: 0, taken: ping.length });
});

test("DISCONNECT waits for the messages before it, and nothing follows it", () => {
  const guard = opened();
  const disconnect = generate({ cmd: "disconnect" });
  expect(guard.scan(Buffer.concat([publish(1), disconnect]))).toEqual({ ok: true, from: 0, taken: publish(1).length });
  guard.release();
  expect(guard.scan(Buffer.concat([disconnect, publish(2)]))).toEqual({ ok: true, from: 0, taken: disconnect.length });
});

test("a packet over its limit is refused by its header, before its body comes", () => {
  expect(faultOf([Buffer.from([0x10, 0xe9, 0x07])], "awaited")).toBe("packet of 1001 bytes, expected at most 1000");
  expect(faultOf([Buffer.from([0x30, 0xd1, 0x0f])])).toBe("packet of 2001 bytes, expected at most 2000");
  expect(faultOf([Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff])])).toContain("remaining length");
  expect(faultOf([publish(1, "x".repeat(1900))])).toBeNull();
});

test("CONNECT is checked to its last byte", () => {
  const id = text("c");
  connects(connectWith(0x02, id), null);
  connects(connectWith(0xc2, id, text("user"), text("password")), null);
  connects(connectWith(0x26, id, text("dc/a/b/status"), text("gone")), null);
  connects(frame(0x10, text("MQIsdp"), Buffer.from([3, 2, 0, 60]), id), null);
  connects(Buffer.concat([connectWith(0x02, id, Buffer.from([0]))]), "CONNECT has 1 bytes after its end");
  connects(connectWith(0x03, id), "reserved flag");
  connects(connectWith(0x1e, id, text("t"), text("")), "will QoS 3");
  connects(connectWith(0x22, id), "will flags without a will");
  connects(connectWith(0x42, id, text("password")), "password without a user name");
  connects(connectWith(0x82, id), "user name is cut off");
  connects(connectWith(0x06, id, text("a/#"), text("")), "will topic has a wildcard");
  connects(connectWith(0x06, id, text(""), text("")), "will topic is empty");
  connects(connectWith(0x00, text("")), "client id is empty without a clean session");
  connects(connectWith(0x02, text("a\u0000b")), "client id is not UTF-8");
  connects(connectWith(0x82, id, text([0xed, 0xa0, 0x80])), "user name is not UTF-8");
  connects(frame(0x10, text("HTTP"), Buffer.from([4, 2, 0, 60]), id), "unknown protocol name");
  connects(frame(0x10, text("MQTT"), Buffer.from([5, 2, 0, 60, 0]), id), "protocol level 5, expected 4 (MQTT 3.1.1)");
  connects(frame(0x10, text("MQTT")), "too short");
  connects(frame(0x11, text("MQTT"), Buffer.from([4, 2, 0, 60]), id), "flags 1");
});

test("a refused version and a refused client id are answered before the end", () => {
  const guard = createGuard(limits);
  expect(guard.scan(frame(0x10, text("MQTT"), Buffer.from([5, 2, 0, 60, 0]), text("c")))).toMatchObject({
    fault: { connack: 1 },
  });
  expect(createGuard(limits).scan(connectWith(0x00, text("")))).toMatchObject({ fault: { connack: 2 } });
});

test("PUBLISH needs a topic of its kind and a packet id", () => {
  const id = Buffer.from([0, 1]);
  sends(frame(0x30, text("dc/a/b/status"), Buffer.from("payload")), null);
  sends(frame(0x32, text("dc/a/b/status"), id), null);
  sends(frame(0x34, text("表/温度"), id), null);
  sends(frame(0x36, text("t"), id), "QoS 3");
  sends(frame(0x38, text("t")), "DUP with QoS 0");
  sends(frame(0x32, text("t"), Buffer.from([0, 0])), "packet id is 0");
  sends(frame(0x32, text("t")), "packet id is missing");
  sends(frame(0x30, text("")), "topic is empty");
  sends(frame(0x30, text("a/+/b")), "topic has a wildcard");
  sends(frame(0x30, text("a/#")), "topic has a wildcard");
  sends(frame(0x30, text("a".repeat(65))), "topic has 65 bytes, expected at most 64");
  sends(frame(0x30, text("a/b/c/d/e/f/g")), "topic has 7 levels, expected at most 6");
  sends(frame(0x30, text("a\u0000")), "topic is not UTF-8 or has U+0000");
  sends(frame(0x30, text([0xc0, 0x80])), "topic is not UTF-8");
  sends(frame(0x30, text([0xf4, 0x90, 0x80, 0x80])), "topic is not UTF-8");
  sends(frame(0x30, text([0xe2, 0x82])), "topic is not UTF-8");
  sends(frame(0x30, Buffer.from([0, 9, 65])), "topic is cut off");
  sends(frame(0x30, Buffer.from([0])), "topic is cut off");
  sends(frame(0x30), "topic is cut off");
});

test("SUBSCRIBE and UNSUBSCRIBE need an id and whole filters", () => {
  const id = Buffer.from([0, 1]);
  sends(frame(0x82, id, text("dc/#"), Buffer.from([2]), text("+/a"), Buffer.from([0])), null);
  sends(frame(0xa2, id, text("dc/#"), text("+")), null);
  sends(frame(0x82, Buffer.from([0, 0]), text("a"), Buffer.from([0])), "packet id is 0");
  sends(frame(0x82, id), "SUBSCRIBE has no filter");
  sends(frame(0xa2, id), "UNSUBSCRIBE has no filter");
  sends(frame(0x82, id, text("a")), "filter without QoS");
  sends(frame(0x82, id, text("a"), Buffer.from([3])), "QoS byte 3");
  sends(frame(0x82, id, text(""), Buffer.from([0])), "filter is empty");
  sends(frame(0x80, id, text("a"), Buffer.from([0])), "flags 0, expected 2");
  sends(frame(0xa0, id, text("a")), "flags 0, expected 2");
});

test("acknowledgements and bare packets have one form", () => {
  sends(Buffer.from([0x40, 2, 0, 1]), null);
  sends(Buffer.from([0x62, 2, 0, 1]), null);
  sends(Buffer.from([0xc0, 0]), null);
  sends(Buffer.from([0xe0, 0]), null);
  sends(Buffer.from([0x40, 2, 0, 0]), "packet id is 0");
  sends(Buffer.from([0x40, 3, 0, 1, 0]), "has 3 bytes, expected 2");
  sends(Buffer.from([0x60, 2, 0, 1]), "flags 0, expected 2");
  sends(Buffer.from([0xc0, 1, 0]), "has 1 bytes, expected 0");
  sends(Buffer.from([0xe1, 0]), "flags 1, expected 0");
  for (const type of [0x00, 0x20, 0x90, 0xb0, 0xd0, 0xf0]) sends(Buffer.from([type, 0]), "is not for a server");
});

const packets: Packet[] = [
  { cmd: "publish", topic: "dc/demo/r-1/telemetry", payload: "{}", qos: 0, dup: false, retain: true },
  { cmd: "publish", topic: "表/温度", payload: Buffer.alloc(300, 7), qos: 2, messageId: 9, dup: true, retain: false },
  {
    cmd: "subscribe",
    messageId: 3,
    subscriptions: [
      { topic: "dc/#", qos: 1 },
      { topic: "+/a", qos: 0 },
    ],
  },
  { cmd: "unsubscribe", messageId: 4, unsubscriptions: ["dc/#"] },
  { cmd: "pubrel", messageId: 9 },
  { cmd: "pingreq" },
  { cmd: "disconnect" },
];
const stream = Buffer.concat([connect, ...packets.map((packet) => generate(packet))]);

test("a stream is judged alike however it is cut into chunks", () => {
  const cuts = fc.array(fc.nat(stream.length), { maxLength: 20 });
  fc.assert(
    fc.property(cuts, (places) => {
      const edges = [0, ...places.sort((a, b) => a - b), stream.length];
      const chunks = edges.slice(1).map((edge, index) => stream.subarray(edges[index], edge));
      expect(run(chunks)).toEqual({ fault: null, passed: stream.length });
    }),
  );
  expect(run(oneByOne(stream))).toEqual({ fault: null, passed: stream.length });
});

test("a damaged stream never throws, and is judged alike whole and byte by byte", () => {
  const flips = fc.array(fc.tuple(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(flips, (changes) => {
      const damaged = Buffer.from(stream);
      for (const [at, mask] of changes) damaged[at] = (damaged[at] ?? 0) ^ mask;
      const [whole, bytewise] = [run([damaged]), run(oneByOne(damaged))];
      expect(whole.fault).toEqual(bytewise.fault);
    }),
    { numRuns: 2000 },
  );
});

test("random bytes never throw and never make a guard expect more than its limit", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const result = run([connect, Buffer.from(bytes)]);
      expect(result.passed).toBeLessThanOrEqual(connect.length + limits.packetBytes + 5);
    }),
    { numRuns: 2000 },
  );
});

function opened() {
  const guard = createGuard(limits);
  guard.scan(connect);
  guard.answered();
  return guard;
}

/** Feeds chunks as a connection would, answering and releasing at once. */
function run(chunks: readonly Buffer[]): { fault: string | null; passed: number } {
  const guard = createGuard(limits);
  let passed = 0;
  let answered = false;
  let waiting = Buffer.alloc(0);
  for (const chunk of chunks) {
    waiting = Buffer.concat([waiting, chunk]);
    for (let stuck = 0; stuck <= limits.inflight; stuck++) {
      const result = guard.scan(waiting);
      if (!result.ok) return { fault: result.fault.reason, passed };
      passed += result.taken;
      waiting = waiting.subarray(result.taken);
      if (result.whole !== undefined) continue;
      if (!guard.held) break;
      if (!answered) guard.answered();
      else guard.release();
      answered = true;
      if (result.taken > 0) stuck = 0;
    }
  }
  return { fault: null, passed };
}

function oneByOne(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte) => Buffer.from([byte]));
}

function faultOf(chunks: readonly Buffer[], state: "awaited" | "answered" = "answered"): string | null {
  const guard = state === "answered" ? opened() : createGuard(limits);
  for (const chunk of chunks) {
    const result = guard.scan(chunk);
    if (!result.ok) return result.fault.reason;
  }
  return null;
}

function connects(bytes: Buffer, fault: string | null): void {
  judged(faultOf([bytes], "awaited"), fault);
  judged(faultOf(oneByOne(bytes), "awaited"), fault);
}

function sends(bytes: Buffer, fault: string | null): void {
  judged(faultOf([bytes]), fault);
  judged(faultOf(oneByOne(bytes)), fault);
}

function judged(found: string | null, expected: string | null): void {
  if (expected === null) expect(found).toBeNull();
  else expect(found ?? "no fault").toContain(expected);
}
