import { generate } from "mqtt-packet";
import { describe, expect, test } from "vitest";
import { roundTrip, startTestBroker, until } from "./server.rig.ts";

describe("connections", () => {
  test("of one address are bounded, and one that ends makes room, on TCP and WebSocket", async () => {
    await using rig = await startTestBroker({ BROKER_GATEWAY_CONNECTIONS: 2, BROKER_WS_PORT: "any" });
    const url = `ws://127.0.0.1:${rig.broker.address.wsPort}`;
    const first = await rig.connect();
    const second = await rig.connect({ url });
    const third = await rig.raw();
    await third.closed;
    expect(rig.refusals).toMatchObject([
      { code: "BROKER_ADDRESS_FULL", reason: "127.0.0.1 has 2 connections open already", from: "127.0.0.1" },
    ]);
    for (const [client, options] of [[first, {}] as const, [second, { url }] as const]) {
      await client.endAsync();
      // The broker hears of the end a moment later.
      for (let open = false; !open; )
        open = await rig.connect(options).then(
          () => true,
          () => false,
        );
    }
    expect(rig.broker.counters().BROKER_ADDRESS_FULL).toBeGreaterThanOrEqual(1);
  });

  test("that come too often are closed, and later ones are let in again", async () => {
    let time = 0;
    await using rig = await startTestBroker({ BROKER_GATEWAY_CONNECTS_PER_S: 1 }, { clock: () => time });
    await rig.connect();
    await rig.connect();
    await expect(rig.connect()).rejects.toThrow();
    expect(rig.codes()).toEqual(["BROKER_CONNECT_TOO_OFTEN"]);
    time += 1000;
    await rig.connect();
  });

  test("of all addresses together that come too often are closed", async () => {
    await using rig = await startTestBroker({ BROKER_CONNECTS_PER_S: 1 }, { clock: () => 0 });
    await rig.connect();
    await rig.connect();
    await expect(rig.connect()).rejects.toThrow();
    expect(rig.refusals).toMatchObject([{ reason: "more than 1 connections a second" }]);
  });
});

describe("messages", () => {
  const settings = { BROKER_LOOPBACK_PUBLISH_PER_S: 100 };

  test("of a client ahead of its rate wait and are all taken in order", async () => {
    for (const lane of ["on", "off"] as const) {
      let time = 0;
      await using rig = await startTestBroker(settings, { lane, clock: () => time });
      const client = await rig.connect();
      const texts = Array.from({ length: 230 }, (_, n) => String(n));
      const sent = Promise.all(texts.map((text) => client.publishAsync("dc/demo/r-1/telemetry", text, { qos: 1 })));
      await until(() => rig.messages.length === 200);
      await roundTrip(await rig.connect());
      expect(rig.messages).toHaveLength(200);
      time += 1000;
      await sent;
      expect(rig.messages.map(({ payload }) => Buffer.from(payload).toString())).toEqual(texts);
      expect(rig.codes()).toEqual(["BROKER_PUBLISH_TOO_FAST"]);
      expect(rig.broker.counters().paused).toBeGreaterThan(0);
    }
  });

  test("of others do not wait for it", async () => {
    let time = 0;
    await using rig = await startTestBroker(settings, { clock: () => time });
    const [fast, other] = [await rig.connect(), await rig.connect()];
    for (let n = 0; n < 300; n++) fast.publish("dc/demo/r-1/telemetry", String(n), { qos: 0 });
    await until(() => rig.messages.length === 200);
    await other.publishAsync("dc/demo/r-2/telemetry", "x", { qos: 1 });
    expect(rig.messages).toHaveLength(201);
    time += 1000;
    await until(() => rig.messages.length === 301);
  });

  test("are not held back on loopback unless it is set", async () => {
    await using rig = await startTestBroker({ BROKER_PUBLISH_PER_S: 1 });
    const client = await rig.connect();
    for (let n = 0; n < 100; n++) client.publish("dc/demo/r-1/telemetry", String(n), { qos: 0 });
    await until(() => rig.messages.length === 100);
    expect(rig.broker.counters().paused).toBeUndefined();
  });
});

test("what asks for answers in a loop has to wait, is told once, and keeps its connection", async () => {
  let time = 0;
  await using rig = await startTestBroker({ BROKER_ASKS_PER_S: 10 }, { clock: () => time });
  const { socket, received } = await rig.raw();
  const connect = { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60 } as const;
  socket.write(generate({ ...connect, clientId: "flood" }));
  const pings = (count: number) => Buffer.concat(Array(count).fill(generate({ cmd: "pingreq" })));
  const answers = () => (received().length - 4) / 2;
  socket.write(pings(50));
  await until(() => answers() === 20);
  const other = await rig.connect();
  await other.publishAsync("dc/demo/r-1/telemetry", "x", { qos: 1 });
  expect(answers()).toBe(20);
  expect(rig.codes()).toEqual(["BROKER_ASKS_TOO_OFTEN"]);
  // Time goes on, a tenth of a second for each.
  const clock = setInterval(() => {
    time += 100;
  }, 1);
  await until(() => answers() === 50);
  clearInterval(clock);
  expect(rig.codes()).toEqual(["BROKER_ASKS_TOO_OFTEN"]);
  socket.destroy();
});
