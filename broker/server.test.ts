import { createServer } from "node:net";
import type { MqttClient } from "mqtt";
import { describe, expect, test } from "vitest";
import { roundTrip, startTestBroker, until } from "./server.rig.ts";

describe("acknowledgement", () => {
  test("a QoS 1 publish is acknowledged only when the message is taken", async () => {
    await using rig = await startTestBroker();
    const gate = rig.holdMessages();
    const device = await rig.connect();
    let acknowledged = false;
    const publish = device.publishAsync("dc/demo/r-1/telemetry", '{"power_w":1}', { qos: 1 }).then(() => {
      acknowledged = true;
    });
    await until(() => rig.messages.length === 1);
    await roundTrip(device);
    expect(acknowledged).toBe(false);
    gate.open();
    await publish;
    expect(acknowledged).toBe(true);
  });

  test("a message arrives with its address, payload, identity and time", async () => {
    await using rig = await startTestBroker({}, { now: () => 1_795_219_200_000 });
    const device = await rig.connect({ clientId: "meter-7" });
    await device.publishAsync("dc/demo/r-1/telemetry", '{"power_w":1}', { qos: 1 });
    expect(rig.messages).toEqual([
      {
        topic: "dc/demo/r-1/telemetry",
        address: { kind: "telemetry", site: "demo", device: "r-1" },
        payload: Buffer.from('{"power_w":1}'),
        qos: 1,
        retain: false,
        identity: { user: "anonymous", role: "gateway", site: null, device: null, clientId: "meter-7", loopback: true },
        received: 1_795_219_200_000,
      },
    ]);
  });

  test("acknowledgements keep the order of the messages", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let taken = 0;
    await using rig = await startTestBroker({}, { onMessage: () => gates[taken++]?.promise ?? Promise.resolve() });
    const device = await rig.connect();
    const order: string[] = [];
    const first = device.publishAsync("dc/demo/r-1/telemetry", "1", { qos: 1 }).then(() => order.push("first"));
    const second = device.publishAsync("dc/demo/r-1/telemetry", "2", { qos: 1 }).then(() => order.push("second"));
    await until(() => taken === 2);
    gates[1]?.resolve();
    await roundTrip(device);
    gates[0]?.resolve();
    await Promise.all([first, second]);
    expect(order).toEqual(["first", "second"]);
  });

  test("a message that cannot be taken is not acknowledged and its client is closed", async () => {
    await using rig = await startTestBroker({}, { onMessage: () => Promise.reject(new Error("no")) });
    const device = await rig.connect();
    const closed = new Promise<void>((resolve) => device.once("close", () => resolve()));
    let acknowledged = false;
    device.publish("dc/demo/r-1/telemetry", "1", { qos: 1 }, (error) => {
      acknowledged = !error;
    });
    await closed;
    expect(acknowledged).toBe(false);
    expect(rig.errors).toHaveLength(1);
    expect(rig.codes()).toEqual(["BROKER_MESSAGE_FAILED"]);
  });

  test("QoS 0, 1 and 2 each arrive once", async () => {
    await using rig = await startTestBroker();
    const device = await rig.connect();
    await device.publishAsync("dc/demo/r-1/telemetry", "0", { qos: 0 });
    await device.publishAsync("dc/demo/r-1/telemetry", "1", { qos: 1 });
    await device.publishAsync("dc/demo/r-1/telemetry", "2", { qos: 2 });
    expect(rig.messages.map(({ qos, payload }) => `${qos} ${Buffer.from(payload)}`)).toEqual(["0 0", "1 1", "2 2"]);
  });

  test("messages sent just before DISCONNECT are all taken, more than the inflight limit too", async () => {
    await using rig = await startTestBroker({ BROKER_INFLIGHT: 10 });
    const device = await rig.connect();
    for (let n = 0; n < 500; n++) device.publish("dc/demo/r-1/telemetry", String(n), { qos: 0 });
    await device.endAsync();
    await until(() => rig.messages.length === 500);
    expect(rig.messages.map(({ payload }) => Number(Buffer.from(payload)))).toEqual([...Array(500).keys()]);
  });

  test("the product's own messages reach subscribers and not the collector", async () => {
    await using rig = await startTestBroker();
    const screen = await rig.connect();
    const received = collect(screen);
    await screen.subscribeAsync("dc/#");
    await rig.broker.publish({ topic: "dc/demo/account/1m", payload: "{}", qos: 1, retain: true });
    await until(() => received.length === 1);
    expect(received).toEqual(["dc/demo/account/1m {}"]);
    expect(rig.messages).toEqual([]);
    expect(rig.broker.counters()).toMatchObject({ published: 1, retained: 1, messages: 0, clients: 1 });
  });
});

describe("delivery", () => {
  test("alternating retained and plain messages all arrive", async () => {
    await using rig = await startTestBroker();
    const [device, screen] = [await rig.connect(), await rig.connect()];
    const received = collect(screen);
    await screen.subscribeAsync("dc/#");
    for (let n = 0; n < 200; n++) device.publish("dc/demo/r-1/telemetry", String(n), { qos: 0, retain: n % 2 === 0 });
    await until(() => received.length === 200);
  });

  test("a retained message is given to later subscribers until an empty one removes it", async () => {
    await using rig = await startTestBroker();
    const device = await rig.connect();
    await device.publishAsync("dc/demo/r-1/status", "online", { qos: 1, retain: true });
    const screen = await rig.connect();
    const received = collect(screen);
    await screen.subscribeAsync("dc/demo/+/status");
    await until(() => received.length === 1);
    expect(received).toEqual(["dc/demo/r-1/status online"]);
    await device.publishAsync("dc/demo/r-1/status", "", { qos: 1, retain: true });
    await until(() => rig.broker.counters().retained === 0);
  });

  test("a session that is away gets its QoS 1 messages when it returns", async () => {
    await using rig = await startTestBroker();
    const options = { clientId: "planner", clean: false };
    const first = await rig.connect(options);
    await first.subscribeAsync("dc/demo/#", { qos: 1 });
    await first.endAsync();
    await rig.broker.publish({ topic: "dc/demo/alert/R04/r-1", payload: "open", qos: 1, retain: false });
    const received: string[] = [];
    await rig.connect({ ...options, onMessage: (topic) => received.push(topic) });
    await until(() => received.length === 1);
    expect(received).toEqual(["dc/demo/alert/R04/r-1"]);
  });

  test("a will reaches the collector and subscribers when its connection breaks", async () => {
    await using rig = await startTestBroker();
    const screen = await rig.connect();
    const received = collect(screen);
    await screen.subscribeAsync("dc/demo/+/status");
    const device = await rig.connect({
      will: { topic: "dc/demo/r-1/status", payload: Buffer.from("offline"), qos: 1, retain: true },
    });
    device.stream.destroy();
    await until(() => received.length === 1);
    expect(received).toEqual(["dc/demo/r-1/status offline"]);
    expect(rig.messages).toHaveLength(1);
    expect(rig.messages[0]).toMatchObject({ address: { kind: "status", device: "r-1" }, qos: 1, retain: true });
  });

  test("names of Object.prototype work as client ids, devices and topics", async () => {
    await using rig = await startTestBroker();
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const device = await rig.connect({ clientId: name, clean: false });
      const received = collect(device);
      await device.subscribeAsync(`dc/${name}/#`, { qos: 1 });
      await device.publishAsync(`dc/${name}/${name}/status`, name, { qos: 1, retain: true });
      await until(() => received.length === 1);
      await device.unsubscribeAsync(`dc/${name}/#`);
      await device.endAsync();
    }
    expect(rig.messages.map(({ address }) => address?.site)).toEqual([
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
    ]);
  });
});

describe("start and stop", () => {
  test("a port in use is one sentence with the setting", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await until(() => other.listening);
    const bound = other.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const start = startTestBroker({ BROKER_PORT: port });
    await expect(start).rejects.toThrow(`port ${port} is in use: set BROKER_PORT to a free one`);
    await expect(start).rejects.toHaveProperty("cause.code", "EADDRINUSE");
    await expect(startTestBroker({ BROKER_WS_PORT: port })).rejects.toThrow(
      `port ${port} is in use: set BROKER_WS_PORT to a free one`,
    );
    other.close();
  });

  test("a host that is not ours is one sentence with the setting", async () => {
    await expect(startTestBroker({ BROKER_HOST: "192.0.2.1" })).rejects.toThrow(
      '"192.0.2.1" is not an address of this machine: set BROKER_HOST to one that is',
    );
  });

  test("stopping finishes and acknowledges what is on its way, and takes nothing more", async () => {
    const rig = await startTestBroker();
    const gate = rig.holdMessages();
    const device = await rig.connect();
    const acknowledged = device.publishAsync("dc/demo/r-1/telemetry", "1", { qos: 1 });
    const received = device.publishAsync("dc/demo/r-1/telemetry", "2", { qos: 2 });
    received.catch(() => {});
    await until(() => rig.messages.length === 2);
    const stopped = rig.broker[Symbol.asyncDispose]();
    device.publish("dc/demo/r-1/telemetry", "3", { qos: 1 });
    gate.open();
    await acknowledged;
    await stopped;
    expect(rig.messages).toHaveLength(2);
    await expect(rig.connect()).rejects.toThrow();
    device.end(true);
  });

  test("stopping does not wait longer than its limit for a stuck store", async () => {
    const rig = await startTestBroker({ BROKER_STOP_TIMEOUT_MS: 20 });
    rig.holdMessages();
    const device = await rig.connect();
    device.publish("dc/demo/r-1/telemetry", "1", { qos: 1 });
    await until(() => rig.messages.length === 1);
    await rig.broker[Symbol.asyncDispose]();
    device.end(true);
  });

  test("stopping the broker does not publish the wills of its clients", async () => {
    const rig = await startTestBroker();
    await rig.connect({ will: { topic: "dc/demo/r-1/status", payload: Buffer.from("offline"), qos: 1, retain: true } });
    await rig[Symbol.asyncDispose]();
    expect(rig.messages).toEqual([]);
  });

  test("a stopped broker does not publish", async () => {
    const rig = await startTestBroker();
    await rig[Symbol.asyncDispose]();
    const late = rig.broker.publish({ topic: "dc/demo/account/1m", payload: "{}", qos: 1, retain: false });
    await expect(late).rejects.toThrow("broker is stopped");
  });
});

function collect(client: MqttClient): string[] {
  const received: string[] = [];
  client.on("message", (topic, payload) => received.push(`${topic} ${payload}`));
  return received;
}
