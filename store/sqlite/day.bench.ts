import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { openCommand } from "../../deploy/command.ts";
import { createColumnBuilder, createNameBook } from "../columns.ts";
import { timestamp } from "../unit.ts";
import { openSqliteReadings } from "./readings.ts";

const usage = `usage: npm run bench:day -- [--devices 5000] [--hours 24] [--every 10] [--rate 500] [--reads 60]
  A day of one point of a site, read while readings of the whole site come in. Loads that history at full speed, one
  reading of six values per device every so many seconds, then measures raw and one-minute series of devices never
  asked for before, with and without ingest at --rate readings/s.`;

const { values: options, refuse } = openCommand({
  usage,
  options: {
    devices: { type: "string", default: "5000" },
    hours: { type: "string", default: "24" },
    every: { type: "string", default: "10" },
    rate: { type: "string", default: "500" },
    reads: { type: "string", default: "60" },
  },
});
const [devices, hours, everyS, rate, reads] = [
  Number(options.devices),
  Number(options.hours),
  Number(options.every),
  Number(options.rate),
  Number(options.reads),
];
for (const [name, text] of Object.entries(options))
  if (!(Number(text) > 0)) refuse(`--${name} must be a number above 0, got "${text}"`);
const folder = mkdtempSync(join(tmpdir(), "wattlas-day-"));
const readings = await openSqliteReadings(
  { DATA_DIR: folder, STORE_GAP_MS: 150_000 },
  {
    role: "writer",
    onError: (error) => {
      throw error;
    },
  },
);
if (readings.writeColumns === undefined) throw new Error("BUG: this store keeps columns");
const write = readings.writeColumns;

const start = 1_795_219_200_000;
const names = ["power_w", "voltage_l1_v", "current_l1_a", "inlet_c", "energy_import_wh", "util_pct"];
const book = createNameBook();
const builder = createColumnBuilder(book);
const shape = book.shape(names);
// A meter that shows 1 W, 0.1 V, 0.01 A, 0.1 °C, 1 Wh and 1 %, with noise: less regular than most.
const random = lehmer(7);
const energy = new Float64Array(devices);
const add = (device: number, ts: number) => {
  const power = Math.round(4000 + 1500 * Math.sin(ts / 3_600_000 + device) + 80 * random());
  energy[device] = (energy[device] ?? 0) + (power * everyS) / 3600;
  builder.add(
    { device: book.device("demo", `r-${device}`), shape, ts, received: ts + Math.floor(200 * random()), flags: 0 },
    [
      power,
      Math.round(2300 + 20 * random()) / 10,
      Math.round((power / 230) * 100) / 100,
      Math.round(220 + 20 * random()) / 10,
      Math.round(120_000_000 + (energy[device] ?? 0)),
      Math.round(power / 60),
    ],
  );
};

const sizes = () => {
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const beside = join(folder, "readings");
  let [partitions, minutes, files] = [0, 0, 0];
  for (const name of readdirSync(folder).includes("readings") ? readdirSync(beside) : []) {
    files += 1;
    if (name.startsWith("1m-")) minutes += sizeOf(join(beside, name));
    else partitions += sizeOf(join(beside, name));
  }
  return { partitions, minutes, files, main: sizeOf(join(folder, "readings.db")) };
};

const tick = (index: number) => start + Math.floor(index / devices) * everyS * 1000 + (index % 1000);
const total = Math.round((devices * hours * 3600) / everyS);
const batchRows = 5000;
const loading = performance.now();
let next = 0;
const lane = async () => {
  while (next < total) {
    const end = Math.min(total, next + batchRows);
    for (; next < end; next += 1) add(next % devices, tick(next));
    await write(builder.take());
  }
};
await Promise.all([lane(), lane()]);
const loadS = (performance.now() - loading) / 1000;
const cpuAfterLoad = process.cpuUsage();
// Partitions and hours that are still under way: until two seconds go by with next to no work.
for (let spent = Number.POSITIVE_INFINITY; spent > 100_000; ) {
  const before = process.cpuUsage();
  await wait(2000);
  const { user, system } = process.cpuUsage(before);
  spent = user + system;
}
const cpu = process.cpuUsage(cpuAfterLoad);
const settledS = (performance.now() - loading) / 1000;

const percentile = (sorted: readonly number[], share: number) =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 10) / 10;
let asked = 0;
const measure = async (step: "raw" | "1m") => {
  const took: number[] = [];
  let points = 0;
  for (let index = 0; index < reads; index += 1) {
    const device = `r-${(asked++ * 7919) % devices}`;
    const range = { from: timestamp(start), to: timestamp(start + hours * 3_600_000) };
    const began = performance.now();
    const found = await readings.series({ site: "demo", device, quantity: "power_w", step, ...range });
    took.push(performance.now() - began);
    points = found.step === "raw" ? found.ts.length : found.start.length;
  }
  took.sort((a, b) => a - b);
  return { p50Ms: percentile(took, 0.5), p99Ms: percentile(took, 0.99), worstMs: percentile(took, 1), points };
};

// The reader's thread starts with the first question.
const first = performance.now();
await readings.series({
  ...{ site: "demo", device: "r-0", quantity: "power_w", step: "raw" },
  ...{ from: timestamp(start), to: timestamp(start + 1) },
});
const firstMs = Math.round(performance.now() - first);
const quietRaw = await measure("raw");
const quietMinutes = await measure("1m");
let isOn = true;
const ingest = (async () => {
  const began = performance.now();
  let sent = 0;
  while (isOn) {
    const due = Math.floor(((performance.now() - began) * rate) / 1000);
    for (; sent < due; sent += 1) add((next + sent) % devices, tick(next + sent));
    if (builder.rows() > 0) await write(builder.take());
    await wait(10);
  }
  return sent;
})();
await wait(1000);
const busyRaw = await measure("raw");
const busyMinutes = await measure("1m");
isOn = false;
const ingested = await ingest;
const { partitions, minutes, files, main } = sizes();
const memory = Math.round(process.memoryUsage().rss / 1e6);
await readings[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
const line = {
  ...{ devices, hours, readings: total, loadS: Math.round(loadS), readingsPerS: Math.round(total / loadS) },
  settledS: Math.round(settledS),
  ...{ firstMs, quietRaw, quietMinutes, busyRaw, busyMinutes, ingested },
  ...{
    files,
    mainMB: Math.round(main / 1e6),
    partitionsMB: Math.round(partitions / 1e6),
    minutesMB: Math.round(minutes / 1e6),
  },
  partitionBytesPerReading: Math.round((partitions / total) * 10) / 10,
  rssMB: memory,
  cpuToSettleS: Math.round((cpu.user + cpu.system) / 1e6),
};
process.stdout.write(`${JSON.stringify(line)}\n`);

/** Park and Miller's generator: the same numbers in every run. */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
