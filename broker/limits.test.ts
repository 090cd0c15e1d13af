import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { MqttClient } from "mqtt";
import { generate } from "mqtt-packet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashPassword } from "./hash.ts";
import { type Rig, roundTrip, startTestBroker, until } from "./server.rig.ts";

const connect = (clientId: string, clean = true, keepalive = 60) =>
  generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId, clean, keepalive });
const connackOk = Buffer.from([0x20, 2, 0, 0]);

let folder: string;
let usersFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wattlas-broker-"));
  usersFile = join(folder, "users.yaml");
  const password = await hashPassword("a long password");
  await writeFile(
    usersFile,
    `users:
  - { name: ann, password: "${password}", role: admin }
  - { name: gw, password: "${password}", role: gateway, site: demo }
  - { name: m-1, password: "${password}", role: device, site: demo, device: m-1 }
  - { name: eye, password: "${password}", role: reader, site: demo }
`,
  );
});

afterAll(() => rm(folder, { recursive: true }));

describe("who is let in", () => {
  test("off loopback an anonymous client is refused and a user is let in", async () => {
    const host = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === "IPv4" && !address.internal)?.address;
    if (host === undefined) throw new Error("this machine has no address but loopback");
    await using rig = await startTestBroker({ BROKER_HOST: "0.0.0.0", BROKER_USERS_FILE: usersFile });
    const url = `mqtt://${host}:${rig.broker.address.port}`;
    await expect(rig.connect({ url })).rejects.toThrow("Not authorized");
    await expect(rig.connect({ url, ...as("gw"), password: "wrong" })).rejects.toThrow("Bad username or password");
    const gateway = await rig.connect({ url, ...as("gw") });
    await gateway.publishAsync("dc/demo/r-1/telemetry", "{}", { qos: 1 });
    expect(rig.messages[0]?.identity).toMatchObject({ user: "gw", role: "gateway", site: "demo", loopback: false });
    expect(rig.codes()).toEqual(["BROKER_ANONYMOUS_REFUSED", "BROKER_PASSWORD_WRONG"]);
    expect(rig.refusals[0]).toMatchObject({
      reason: `anonymous client from ${host}, which is not loopback`,
      from: host,
    });
  });

  test("a faulty users file refuses the start with every fault", async () => {
    const path = join(folder, "faulty.yaml");
    await writeFile(path, "users:\n  - { name: a, password: b, role: admin }\n  - 7\n");
    await expect(startTestBroker({ BROKER_USERS_FILE: path })).rejects.toThrow(
      `${path}:2:26 users[0].password: expected an argon2id or scrypt hash: node broker/password.ts makes one\n${path}:3:5 users[1]: `,
    );
    await expect(startTestBroker({ BROKER_USERS_FILE: join(folder, "none") })).rejects.toThrow("set BROKER_USERS_FILE");
  });

  test("the product's own client writes reserved topics", async () => {
    await using rig = await startTestBroker({}, { systemPassword: "s3cret" });
    const own = await rig.connect({ username: "wattlas", password: "s3cret" });
    await own.publishAsync("dc/system/wattlas/telemetry", "{}", { qos: 1 });
    expect(rig.messages[0]?.identity.role).toBe("system");
  });

  test("a client id stays with its user, connected or away", async () => {
    await using rig = await startTestBroker({ BROKER_USERS_FILE: usersFile });
    const gateway = await rig.connect({ ...as("gw"), clientId: "shared", clean: false });
    await expect(rig.connect({ ...as("m-1"), clientId: "shared" })).rejects.toThrow("Identifier rejected");
    await gateway.endAsync();
    await expect(rig.connect({ ...as("m-1"), clientId: "shared" })).rejects.toThrow("Identifier rejected");
    await rig.connect({ ...as("gw"), clientId: "shared" });
  });

  test("a will on a topic of others is refused with CONNECT", async () => {
    await using rig = await startTestBroker();
    const will = { topic: "dc/demo/alert/R04/x", payload: Buffer.from("x"), qos: 1 as const, retain: true };
    await expect(rig.connect({ will })).rejects.toThrow("Not authorized");
    expect(rig.codes()).toEqual(["BROKER_TOPIC_RESERVED"]);
  });

  test("a keep-alive beyond the limit, or none, is refused", async () => {
    await using rig = await startTestBroker();
    await expect(rig.connect({ keepalive: 601 })).rejects.toThrow("Identifier rejected");
    await expect(rig.connect({ keepalive: 0 })).rejects.toThrow("Identifier rejected");
    await rig.connect({ keepalive: 600 });
    expect(rig.codes()).toEqual(["BROKER_KEEPALIVE_TOO_LONG", "BROKER_KEEPALIVE_TOO_LONG"]);
  });

  test("MQTT 5 is answered with its return code", async () => {
    await using rig = await startTestBroker();
    await expect(rig.connect({ protocolVersion: 5 })).rejects.toThrow();
    expect(rig.codes()).toEqual(["BROKER_PROTOCOL_REFUSED"]);
  });

  test("connections beyond the limit are closed", async () => {
    await using rig = await startTestBroker({ BROKER_CONNECTIONS: 2 });
    await rig.connect();
    const second = await rig.connect();
    await expect(rig.connect()).rejects.toThrow();
    expect(rig.codes()).toEqual(["BROKER_CONNECTIONS_FULL"]);
    await second.endAsync();
    await until(() => rig.broker.counters().clients === 1);
    await rig.connect();
  });

  test("a connection without CONNECT is closed in time", async () => {
    await using rig = await startTestBroker({ BROKER_CONNECT_TIMEOUT_MS: 30 });
    const raw = await rig.raw();
    raw.socket.write(connect("slow").subarray(0, 5));
    await raw.closed;
    expect(rig.codes()).toEqual(["BROKER_CONNECT_TIMEOUT"]);
  });
});

describe("what is refused", () => {
  test("a refused QoS 1 publish is not acknowledged and ends its connection", async () => {
    await using rig = await startTestBroker();
    for (const topic of ["dc/demo/account/1m", "dc/demo/alert/R04/x", "dc/system/x/telemetry", "$SYS/x"]) {
      const device = await rig.connect();
      const closed = onceClosed(device);
      let acknowledged = false;
      device.publish(topic, "{}", { qos: 1 }, (error) => {
        acknowledged = !error;
      });
      await closed;
      expect([topic, acknowledged]).toEqual([topic, false]);
    }
    expect(rig.messages).toEqual([]);
    expect(rig.broker.counters()).toMatchObject({ BROKER_TOPIC_RESERVED: 4 });
    expect(rig.codes()).toHaveLength(4);
    expect(rig.refusals[0]).toMatchObject({ topic: "dc/demo/account/1m", user: "anonymous", from: "127.0.0.1" });
  });

  test("a refused QoS 0 publish is dropped, counted, and leaves the connection", async () => {
    await using rig = await startTestBroker({ BROKER_USERS_FILE: usersFile });
    const [device, admin] = [await rig.connect(as("m-1")), await rig.connect(as("ann"))];
    const received: string[] = [];
    admin.on("message", (topic) => received.push(topic));
    await admin.subscribeAsync(["#", "$SYS/#"]);
    device.publish("dc/demo/m-2/telemetry", "{}", { qos: 0, retain: true });
    await device.publishAsync("dc/demo/m-1/telemetry", "{}", { qos: 1 });
    await until(() => received.includes("dc/demo/m-1/telemetry"));
    expect(received.filter((topic) => !topic.startsWith("$SYS/"))).toEqual(["dc/demo/m-1/telemetry"]);
    expect(rig.messages.map(({ topic }) => topic)).toEqual(["dc/demo/m-1/telemetry"]);
    expect(rig.codes()).toEqual(["BROKER_TOPIC_FOREIGN"]);
    expect(rig.broker.counters().retained).toBe(0);
  });

  test("a refused filter is answered with a failure and gives nothing, kept session or not", async () => {
    await using rig = await startTestBroker({ BROKER_USERS_FILE: usersFile });
    const options = { ...as("eye"), clientId: "eye-1", clean: false };
    const reader = await rig.connect(options);
    const granted = await reader.subscribeAsync(["dc/demo/#", "dc/other/#"], { qos: 1 }).catch((error) => error);
    expect(JSON.stringify(granted)).toContain("128");
    await reader.endAsync();
    await rig.broker.publish({ topic: "dc/other/account/1m", payload: "theirs", qos: 1, retain: true });
    await rig.broker.publish({ topic: "dc/demo/account/1m", payload: "ours", qos: 1, retain: true });
    const received: string[] = [];
    const again = await rig.connect({ ...options, onMessage: (_, payload) => received.push(payload) });
    await again.subscribeAsync("dc/demo/x/status");
    await until(() => received.includes("ours"));
    expect(received).not.toContain("theirs");
    expect(rig.codes()).toEqual(["BROKER_SUBSCRIBE_REFUSED"]);
  });

  test("subscriptions beyond the limit are answered with a failure", async () => {
    await using rig = await startTestBroker({ BROKER_SUBSCRIPTIONS: 3 });
    const screen = await rig.connect();
    await screen.subscribeAsync(["a", "b", "c"]);
    await expect(screen.subscribeAsync("d")).rejects.toThrow();
    await screen.unsubscribeAsync("a");
    await screen.subscribeAsync("d");
    expect(rig.codes()).toEqual(["BROKER_SUBSCRIPTIONS_FULL"]);
  });

  test("a retained message beyond the limit is delivered but not kept", async () => {
    await using rig = await startTestBroker({ BROKER_RETAINED: 1 });
    const device = await rig.connect();
    await device.publishAsync("dc/demo/r-1/status", "online", { qos: 1, retain: true });
    await device.publishAsync("dc/demo/r-2/status", "online", { qos: 1, retain: true });
    expect(rig.messages).toHaveLength(2);
    await until(() => rig.broker.counters().BROKER_RETAINED_FULL === 1);
    expect(rig.broker.counters()).toMatchObject({ retained: 1 });
  });

  test("messages for a client that is away are kept up to the limit", async () => {
    await using rig = await startTestBroker({ BROKER_QUEUE: 2 });
    const options = { clientId: "away", clean: false };
    const first = await rig.connect(options);
    await first.subscribeAsync("dc/#", { qos: 1 });
    await first.endAsync();
    const publish = (payload: string) =>
      rig.broker.publish({ topic: "dc/demo/account/1m", payload, qos: 1, retain: false });
    for (const payload of ["1", "2", "3"]) await publish(payload);
    const received: string[] = [];
    const again = await rig.connect({ ...options, onMessage: (_, payload) => received.push(payload) });
    await until(() => received.length === 2);
    await again.endAsync();
    await publish("4");
    await rig.connect({ ...options, onMessage: (_, payload) => received.push(payload) });
    await until(() => received.length === 3);
    expect(received).toEqual(["1", "2", "4"]);
    expect(rig.broker.counters()).toMatchObject({ BROKER_QUEUE_FULL: 1 });
  });
});

describe("back-pressure", () => {
  test("at the inflight limit a client is not read, not cut, and goes on when there is room", async () => {
    await using rig = await startTestBroker({ BROKER_INFLIGHT: 10 });
    const gate = rig.holdMessages();
    const device = await rig.connect();
    const publishes = [...Array(300).keys()].map((n) =>
      device.publishAsync("dc/demo/r-1/telemetry", String(n), { qos: 1 }),
    );
    await until(() => rig.messages.length === 10);
    const other = await rig.connect();
    await roundTrip(other);
    expect(rig.messages).toHaveLength(10);
    gate.open();
    await Promise.all(publishes);
    expect(rig.messages.map(({ payload }) => Number(Buffer.from(payload)))).toEqual([...Array(300).keys()]);
    expect(rig.codes()).toEqual([]);
  });

  test("a client below the limit still gets its ping answered while the store is slow", async () => {
    await using rig = await startTestBroker();
    const gate = rig.holdMessages();
    const raw = await rig.raw();
    raw.socket.write(connect("meter"));
    await until(() => raw.received().equals(connackOk));
    raw.socket.write(publishPacket(1));
    raw.socket.write(publishPacket(2));
    await until(() => rig.messages.length === 2);
    raw.socket.write(generate({ cmd: "pingreq" }));
    await until(() => raw.received().equals(Buffer.concat([connackOk, Buffer.from([0xd0, 0])])));
    gate.open();
    raw.socket.destroy();
  });

  test("a client that is not read does not miss its keep-alive", async () => {
    await using rig = await startTestBroker({ BROKER_INFLIGHT: 1 });
    const gate = rig.holdMessages();
    const raw = await rig.raw();
    raw.socket.write(Buffer.concat([connect("meter", true, 2), publishPacket(1), publishPacket(2)]));
    await until(() => rig.messages.length === 1);
    const since = performance.now();
    // Without messages waiting it would be cut after 3 s. [MQTT-3.1.2-24]
    await until(() => performance.now() - since > 4000);
    gate.open();
    await until(() => raw.received().length === 4 + 4 + 4);
    expect(rig.codes()).toEqual([]);
    await raw.closed;
    expect(rig.codes()).toEqual(["BROKER_KEEPALIVE_MISSED"]);
  });

  test.each([
    ["holds nobody up", 60_000],
    ["is cut when its time is over", 100],
  ])("a subscriber that does not read %s", async (does, drainMs) => {
    const settings = { BROKER_DRAIN_TIMEOUT_MS: drainMs, BROKER_BACKLOG_BYTES: 1_000_000_000 };
    await using rig = await startTestBroker(settings);
    const [frozen, device] = [await rig.raw(), await rig.connect()];
    frozen.socket.write(connect("frozen"));
    frozen.socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "dc/#", qos: 0 }] }));
    await until(() => frozen.received().length > 4);
    frozen.socket.pause();
    // More than the kernel's buffers take.
    const payload = Buffer.alloc(65_536);
    for (let n = 0; n < 400; n++) await device.publishAsync("dc/demo/r-1/telemetry", payload, { qos: 1 });
    // All are acknowledged, and it still has time.
    if (does === "holds nobody up") expect(rig.codes()).toEqual([]);
    else await until(() => rig.codes().includes("BROKER_SLOW_CONSUMER"));
    frozen.socket.destroy();
  });

  test("a subscriber that leaves too much unread is cut at once", async () => {
    await using rig = await startTestBroker({ BROKER_BACKLOG_BYTES: 1_000_000 });
    const frozen = await rig.raw();
    frozen.socket.write(connect("frozen"));
    frozen.socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "dc/#", qos: 0 }] }));
    await until(() => frozen.received().length > 4);
    frozen.socket.pause();
    const payload = Buffer.alloc(200_000);
    for (let n = 0; n < 100 && rig.codes().length === 0; n++) {
      await rig.broker.publish({ topic: "dc/demo/account/1m", payload, qos: 0, retain: false });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rig.codes()).toEqual(["BROKER_SLOW_CONSUMER"]);
    frozen.socket.destroy();
  });
});

describe("QoS 2", () => {
  test("a repeated message is taken once, on its way or after", async () => {
    await using rig = await startTestBroker();
    const gate = rig.holdMessages();
    const screen = await rig.connect();
    const received: string[] = [];
    screen.on("message", (topic) => received.push(topic));
    await screen.subscribeAsync("dc/#");
    const raw = await rig.raw();
    raw.socket.write(Buffer.concat([connect("meter", false), publishPacket(7, 2), publishPacket(7, 2, true)]));
    await until(() => rig.messages.length === 1);
    gate.open();
    const pubrec = Buffer.from([0x50, 2, 0, 7]);
    await until(() => raw.received().equals(Buffer.concat([connackOk, pubrec, pubrec])));
    raw.socket.destroy();
    await raw.closed;

    const again = await rig.raw();
    again.socket.write(Buffer.concat([connect("meter", false), publishPacket(7, 2, true)]));
    await until(() => again.received().subarray(4).equals(pubrec));
    again.socket.write(generate({ cmd: "pubrel", messageId: 7 }));
    await until(() =>
      again
        .received()
        .subarray(8)
        .equals(Buffer.from([0x70, 2, 0, 7])),
    );
    again.socket.write(publishPacket(7, 2));
    await until(() => rig.messages.length === 2);
    await until(() => received.length === 2);
    again.socket.destroy();
  });
});

describe("hostile bytes", () => {
  test("a malformed packet closes its own connection and no other", async () => {
    await using rig = await startTestBroker();
    const device = await rig.connect();
    await closes(rig, [Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])], "BROKER_PACKET_TOO_LARGE");
    await closes(rig, [connect("x"), Buffer.from([0x30, 0x81, 0x80, 0x10])], "BROKER_PACKET_TOO_LARGE");
    await closes(rig, [Buffer.from("GET / HTTP/1.1\r\n\r\n")], "BROKER_PACKET_MALFORMED");
    await closes(rig, [connect("x"), Buffer.from([0x32, 5, 0, 1, 97, 0, 0])], "BROKER_PACKET_MALFORMED");
    await closes(rig, [connect("x"), Buffer.from([0x30, 5, 0, 3, 97, 0, 98])], "BROKER_PACKET_MALFORMED");
    await closes(rig, [connect("x"), Buffer.from(`\x30\x7e\x00\x7c${"/".repeat(124)}`)], "BROKER_TOPIC_MALFORMED");
    await device.publishAsync("dc/demo/r-1/telemetry", "{}", { qos: 1 });
    expect(rig.messages).toHaveLength(1);
    expect(rig.errors).toEqual([]);
  });

  test("damaged streams do not disturb the broker", async () => {
    await using rig = await startTestBroker();
    const stream = Buffer.concat([
      connect("meter"),
      publishPacket(1),
      publishPacket(2, 2),
      generate({ cmd: "pubrel", messageId: 2 }),
      generate({ cmd: "subscribe", messageId: 3, subscriptions: [{ topic: "dc/+/#", qos: 1 }] }),
      generate({ cmd: "unsubscribe", messageId: 4, unsubscriptions: ["dc/+/#"] }),
      generate({ cmd: "pingreq" }),
    ]);
    const flip = fc.tuple(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(flip, { minLength: 1, maxLength: 4 }), async (flips) => {
        const damaged = Buffer.from(stream);
        for (const [at, mask] of flips) damaged[at] = (damaged[at] ?? 0) ^ mask;
        const raw = await rig.raw();
        raw.socket.end(damaged);
        await raw.closed;
      }),
      { numRuns: 300 },
    );
    const device = await rig.connect();
    await device.publishAsync("dc/demo/after/telemetry", "{}", { qos: 1 });
    expect(rig.messages.at(-1)?.topic).toBe("dc/demo/after/telemetry");
    expect(rig.errors).toEqual([]);
    await until(() => rig.broker.counters().clients === 1);
  });

  test("a packet that comes byte by byte is taken", async () => {
    await using rig = await startTestBroker();
    const raw = await rig.raw();
    raw.socket.setNoDelay(true);
    for (const byte of connect("meter")) raw.socket.write(Buffer.from([byte]));
    await until(() => raw.received().equals(connackOk));
    for (const byte of publishPacket(1)) {
      raw.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => raw.received().length === 8);
    expect(rig.messages).toHaveLength(1);
    raw.socket.destroy();
  });
});

describe("WebSocket", () => {
  test("a client over WebSocket publishes and receives", async () => {
    await using rig = await startTestBroker({ BROKER_WS_PORT: "any" });
    const url = `ws://127.0.0.1:${rig.broker.address.wsPort}/mqtt`;
    const client = await rig.connect({ url });
    const received: string[] = [];
    client.on("message", (_, payload) => received.push(payload.toString()));
    await client.subscribeAsync("dc/#", { qos: 1 });
    for (let n = 0; n < 300; n++) await client.publishAsync("dc/demo/r-1/telemetry", String(n), { qos: 1 });
    await until(() => received.length === 300);
    expect(rig.messages[0]?.identity).toMatchObject({ user: "anonymous", loopback: true });
  });

  test("a page of another site cannot use a browser on this machine", async () => {
    await using rig = await startTestBroker({ BROKER_WS_PORT: "any" });
    const url = `ws://127.0.0.1:${rig.broker.address.wsPort}/mqtt`;
    const from = (headers: Record<string, string>) => rig.connect({ url, wsOptions: { headers } });
    await expect(from({ origin: "https://evil.example" })).rejects.toThrow("Not authorized");
    await expect(from({ origin: "null" })).rejects.toThrow("Not authorized");
    await expect(from({ "x-forwarded-for": "10.0.0.1" })).rejects.toThrow("Not authorized");
    await from({ origin: "http://127.0.0.1:8080" });
    await from({ origin: "http://localhost:8080" });
    await from({ origin: "http://[::1]:8080" });
  });

  test("the WebSocket port needs the mqtt subprotocol and explains itself to browsers", async () => {
    await using rig = await startTestBroker({ BROKER_WS_PORT: "any" });
    const base = `127.0.0.1:${rig.broker.address.wsPort}`;
    expect((await fetch(`http://${base}/`)).status).toBe(426);
    const socket = new WebSocket(`ws://${base}/`, ["chat"]);
    await new Promise((resolve) => socket.addEventListener("error", resolve, { once: true }));
    expect(rig.codes()).toContain("BROKER_PROTOCOL_REFUSED");
  });

  test("a text frame closes its connection", async () => {
    await using rig = await startTestBroker({ BROKER_WS_PORT: "any" });
    const socket = new WebSocket(`ws://127.0.0.1:${rig.broker.address.wsPort}/`, ["mqtt"]);
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
    socket.send("text");
    await closed;
  });
});

test("mosquitto_pub publishes at every QoS", async (context) => {
  await using rig = await startTestBroker();
  for (const qos of ["0", "1", "2"]) {
    const arguments_ = ["-p", String(rig.broker.address.port), "-t", "dc/demo/r-900/telemetry", "-q", qos];
    const child = spawn("mosquitto_pub", [...arguments_, "-m", '{"power_w":4200}'], { stdio: "ignore" });
    const [code] = await Promise.race([once(child, "exit"), once(child, "error")]);
    if (code instanceof Error) return context.skip("mosquitto_pub is not installed");
    expect(code).toBe(0);
  }
  expect(rig.messages.map(({ qos }) => qos)).toEqual([0, 1, 2]);
});

function as(user: string) {
  return { username: user, password: "a long password" };
}

function publishPacket(messageId: number, qos: 1 | 2 = 1, dup = false): Buffer {
  return generate({
    cmd: "publish",
    topic: "dc/demo/r-1/telemetry",
    payload: "{}",
    qos,
    messageId,
    dup,
    retain: false,
  });
}

function onceClosed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once("close", () => resolve()));
}

async function closes(rig: Rig, chunks: readonly Buffer[], code: string): Promise<void> {
  const before = rig.codes().length;
  const raw = await rig.raw();
  raw.socket.write(Buffer.concat(chunks));
  await raw.closed;
  expect(rig.codes().slice(before)).toEqual([code]);
}
