import { once } from "node:events";
import { generate } from "mqtt-packet";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { startTestBroker, until } from "./server.rig.ts";

const connect = generate({
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clientId: "c",
  clean: true,
  keepalive: 60,
});
const open = async (port: number | null): Promise<WebSocket> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, ["mqtt"]);
  socket.on("error", () => undefined);
  await once(socket, "open");
  return socket;
};

test("a stranger on WebSocket cannot have more kept than a CONNECT, however it frames it", async () => {
  await using rig = await startTestBroker({ BROKER_WS_PORT: "any" });
  const socket = await open(rig.broker.address.wsPort);
  const closed = once(socket, "close");
  // A message that never ends, within what one of a known client may have.
  for (let n = 0; n < 10; n += 1) socket.send(Buffer.alloc(10_000), { fin: false, binary: true });
  await closed;
  await until(() => rig.codes().length > 0);
  expect(rig.codes()).toEqual(["BROKER_PACKET_TOO_LARGE"]);
});

test("once it is let in it may send large messages in pieces", async () => {
  await using rig = await startTestBroker({ BROKER_WS_PORT: "any" });
  const socket = await open(rig.broker.address.wsPort);
  const answered = once(socket, "message");
  socket.send(connect);
  await answered;
  const payload = Buffer.alloc(200_000, "x");
  const topic = "dc/demo/r-1/telemetry";
  const packet = generate({ cmd: "publish", topic, payload, qos: 1, messageId: 1, dup: false, retain: false });
  const acknowledged = once(socket, "message");
  for (let at = 0; at < packet.length; at += 20_000)
    socket.send(packet.subarray(at, at + 20_000), { fin: at + 20_000 >= packet.length, binary: true });
  await acknowledged;
  expect(rig.messages[0]?.payload.length).toBe(200_000);
  expect(rig.codes()).toEqual([]);
  socket.terminate();
});
