// node collector/pipeline.bench.ts [none|sqlite] [messages]: acknowledged messages a second through the collector alone,
// six values each, 864 sites of 400 racks in turn, 4000 on their way; the messages are made beforehand.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Identity, InboundMessage } from "#broker";
import { createMemoryLedger, createMemoryReadings, openStore, storeSchema, type WriteResult } from "#store";
import { collectorSchema } from "./config.ts";
import { startCollector } from "./pipeline.ts";

const [kind = "none", count = "600000"] = process.argv.slice(2);
const total = Number(count);
const folder = mkdtempSync(join(tmpdir(), "wattlas-bench-"));
const sites = 864;
const racks = 400;
const onWay = 4000;
const start = Date.now() - 60_000;
const identity: Identity = { user: "a", role: "gateway", site: null, device: null, clientId: "c", loopback: true };
const onError = (error: unknown) => process.stderr.write(`${String(error)}\n`);

const stored: WriteResult = { accepted: 0, duplicates: 0, corrections: 0, rejected: [] };
const store =
  kind === "sqlite"
    ? await openStore(storeSchema.parse({ DATA_DIR: folder }), { role: "writer", onError })
    : {
        readings: Object.assign(createMemoryReadings(), {
          write: async () => stored,
          writeColumns: async () => stored,
        }),
        ledger: createMemoryLedger(),
      };
const collector = await startCollector(collectorSchema.parse({}), { ...store, mappings: [], onError });

const messageOf = (number: number): InboundMessage => {
  const device = `r-${Math.floor(number / sites) % racks}`;
  const site = `site-${number % sites}`;
  const ts = start + Math.floor(number / (sites * racks)) * 10_000;
  const energy = 120_331_250 + number;
  const payload = `{"ts":${ts},"power_w":${4000 + (number % 900) / 4},"energy_import_wh":${energy},"voltage_l1_v":${230 + (number % 10)},"current_l1_a":18.25,"inlet_c":21.5,"util_pct":${number % 100}}`;
  return {
    topic: `dc/${site}/${device}/telemetry`,
    address: { kind: "telemetry", site, device },
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    identity,
    received: start + 60_000,
  };
};

let [sent, done, spent] = [0, 0, 0];
const finished = Promise.withResolvers<void>();
const settled = () => {
  done += 1;
  if (done === total) finished.resolve();
};
const send = () => {
  // made in between and not counted, so that the memory of the messages does not grow with their number
  const made = Array.from({ length: Math.min(1000, total - sent) }, (_, index) => messageOf(sent + index));
  const from = performance.now();
  for (const message of made) collector.accept(message).then(settled, onError);
  spent += performance.now() - from;
  sent += made.length;
};
const began = performance.now();
const cpu = process.cpuUsage();
while (sent < total) {
  if (sent - done < onWay) send();
  await new Promise((resolve) => setImmediate(resolve));
}
await finished.promise;
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
const counters = collector.counters();
const { bytes } = await store.readings.health();
process.stdout.write(
  `${JSON.stringify({
    store: kind,
    messagesPerS: Math.round(total / seconds),
    acceptMicros: Number(((spent * 1000) / total).toFixed(2)),
    cpuMicrosPerMessage: Number(((user + system) / total).toFixed(1)),
    ackP50Ms: Number(counters.ackP50Ms.toFixed(1)),
    ackP99Ms: Number(counters.ackP99Ms.toFixed(1)),
    bytesPerReading: Math.round(bytes / total),
    rssMb: Math.round(process.memoryUsage().rss / 1e6),
  })}\n`,
);
await collector[Symbol.asyncDispose]();
if (Symbol.asyncDispose in store) await store[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
