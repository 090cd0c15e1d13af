// node broker/publish.bench.ts: acknowledged QoS 1 messages a second through this broker and through bare aedes, in
// turns in one process, the sender included. The ratio is what the guard, the rules and the waiting cost.
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

const broker = await startBroker(brokerSchema.parse({ BROKER_PORT: 0, BROKER_WS_PORT: 0 }), {
  onMessage: () => Promise.resolve(),
  onError: (error) => process.stderr.write(`${String(error)}\n`),
});
const aedes = await Aedes.createBroker();
const bare = createServer((socket) => void aedes.handle(socket)).listen(0, "127.0.0.1");
await once(bare, "listening");
const address = bare.address();
const ours = await openClients(broker.address.port);
const theirs = await openClients(typeof address === "object" && address !== null ? address.port : 0);

const rates = { ours: [] as number[], theirs: [] as number[] };
for (let round = 0; round < rounds; round++) {
  const measured = { ours: await measure(ours), theirs: await measure(theirs) };
  if (round < unmeasuredRounds) continue;
  rates.ours.push(measured.ours);
  rates.theirs.push(measured.theirs);
}
const [own, other] = [median(rates.ours), median(rates.theirs)];
process.stdout.write(
  `this broker ${Math.round(own)} messages/s, bare aedes ${Math.round(other)}, ratio ${(own / other).toFixed(2)}\n`,
);

for (const socket of [...ours, ...theirs]) socket.destroy();
await broker[Symbol.asyncDispose]();
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
