// node broker/publish.bench.ts: acknowledged QoS 1 messages a second through this broker (its lane with a promise for
// each read or each message, and without its lane) and through bare aedes, in turns in one process, the sender included.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Aedes } from "aedes";
import { generate } from "mqtt-packet";
import { brokerSchema } from "./config.ts";
import { startBroker } from "./server.ts";

const payload = JSON.stringify({
  ts: 1_795_219_200_000,
  power_w: 4213.5,
  energy_import_wh: 120_331_250,
  inlet_c: 22.5,
});
const connections = 20;
const messagesEach = 500;
const rounds = 30;
// The first rounds warm the compiler up.
const unmeasuredRounds = 10;
const ackBytes = 4;

const packets = Array.from({ length: messagesEach }, (_, n) => {
  const topic = `dc/demo/r-${n}/telemetry`;
  return generate({ cmd: "publish", topic, payload, qos: 1, messageId: n + 1, dup: false, retain: false });
});
const burst = Buffer.concat(packets);

const onError = (error: unknown) => void process.stderr.write(`${String(error)}\n`);
const settings = brokerSchema.parse({ BROKER_PORT: 0, BROKER_WS_PORT: 0 });
const onMessage = () => Promise.resolve();
const brokers = [
  await startBroker(settings, { onMessage, onMessages: onMessage, onError }),
  await startBroker(settings, { onMessage, onError }),
  await startBroker(settings, { onMessage, onError, lane: "off" }),
];
const aedes = await Aedes.createBroker();
const bare = createServer((socket) => void aedes.handle(socket)).listen(0, "127.0.0.1");
await once(bare, "listening");
const address = bare.address();
const ports = [
  ...brokers.map((broker) => broker.address.port),
  typeof address === "object" && address !== null ? address.port : 0,
];
const peers = await Promise.all(
  ["lane, a promise for each read", "lane, a promise for each message", "without the lane", "bare aedes"].map(
    async (name, n) => ({ name, sockets: await openClients(ports[n] ?? 0), rates: [] as number[] }),
  ),
);

for (let round = 0; round < rounds; round++) {
  for (const { sockets, rates } of peers) {
    const rate = await measure(sockets);
    if (round >= unmeasuredRounds) rates.push(rate);
  }
}
const reference = median(peers.at(-1)?.rates ?? []);
for (const { name, rates } of peers) {
  const rate = median(rates);
  process.stdout.write(`${name}: ${Math.round(rate)} messages/s, ${(rate / reference).toFixed(2)} of bare aedes\n`);
}

for (const { sockets } of peers) for (const socket of sockets) socket.destroy();
for (const broker of brokers) await broker[Symbol.asyncDispose]();
bare.close();
aedes.close();

async function openClients(port: number): Promise<Socket[]> {
  return await Promise.all(
    Array.from({ length: connections }, async (_, n) => {
      const socket = connect({ port, host: "127.0.0.1" });
      const clientId = `c${n}`;
      socket.write(
        generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId, clean: true, keepalive: 600 }),
      );
      await once(socket, "data");
      return socket;
    }),
  );
}

/** Messages a second. */
async function measure(sockets: readonly Socket[]): Promise<number> {
  const started = performance.now();
  await Promise.all(sockets.map(sendBurst));
  return (connections * messagesEach * 1000) / (performance.now() - started);
}

function sendBurst(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let missing = messagesEach * ackBytes;
    const onData = (chunk: Buffer) => {
      missing -= chunk.length;
      if (missing > 0) return;
      socket.off("data", onData);
      resolve();
    };
    socket.on("data", onData);
    socket.write(burst);
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
