import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { storeSchema } from "../config.ts";
import { createMemoryLedger } from "../memory/index.ts";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { openInflux } from "./index.ts";
import { startInfluxd } from "./influxd.ts";
import { readingLine } from "./line.ts";

// How fast the spool catches up after an outage, while live readings keep coming, against a bare writer: the same lines
// ready made, four gzip requests of 5,000 at once, into another database of the same server in the same run.
//   node store/influx/send.bench.ts [readings in the backlog] [live readings a second] [rounds]

const backlog = Number(process.argv[2] ?? 300_000);
const livePerS = Number(process.argv[3] ?? 1000);
const rounds = Number(process.argv[4] ?? 2);
const devices = 4000;
const start = 1_795_219_200_000;
const compress = promisify(gzip);

const readingsAt = (tick: number, count: number): Reading[] =>
  Array.from({ length: count }, (_, device) => {
    const ts = timestamp(start + tick * 10_000);
    const power = 4000 + ((device * 31 + tick * 17) % 997);
    return {
      site: `hall-${device % 10}`,
      device: `r-${device}`,
      ts,
      received: timestamp(ts + 5),
      quantities: {
        power_w: power,
        voltage_l1_v: 230 + (tick % 10) / 10,
        current_l1_a: power / 230,
        inlet_c: 21 + (device % 40) / 10,
        energy_import_wh: 120_000_000 + tick * 11 + device,
        util_pct: (device + tick) % 100,
      },
      flags: [],
    };
  });
const ticks = Math.ceil(backlog / devices);

const bare = async (port: number, database: string): Promise<number> => {
  const lines: string[] = [];
  for (let tick = 0; tick < ticks; tick++) lines.push(...readingsAt(tick, devices).map(readingLine));
  const bodies: string[] = [];
  for (let at = 0; at < lines.length; at += 5000) bodies.push(lines.slice(at, at + 5000).join("\n"));
  const agent = new Agent({ keepAlive: true });
  const post = async (path: string, body: Buffer, headers: Record<string, string>): Promise<void> => {
    const call = request({ host: "127.0.0.1", port, path, method: "POST", agent, headers });
    call.end(body);
    const [response] = await once(call, "response");
    response.resume();
    await once(response, "end");
    if (response.statusCode >= 300) throw new Error(`InfluxDB said ${response.statusCode}`);
  };
  const form = { "content-type": "application/x-www-form-urlencoded" };
  await post("/query", Buffer.from(`q=CREATE DATABASE "${database}"`), form);
  const started = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++])
      await post(`/write?db=${database}&precision=ms`, await compress(body), { "content-encoding": "gzip" });
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  agent.destroy();
  return (lines.length * 1000) / (performance.now() - started);
};

const catchUp = async (influxd: Awaited<ReturnType<typeof startInfluxd>>, database: string) => {
  const dir = await mkdtemp(join(tmpdir(), "wattlas-bench-"));
  const readings = await openInflux(storeSchema.parse({ STORE_URL: influxd.url(database), DATA_DIR: dir }), {
    role: "writer",
    ledger: createMemoryLedger(),
    onError: () => undefined,
    backOff: { firstMs: 50, mostMs: 200 },
  });
  const pending = async () => (await readings.health()).pendingReadings;
  // The devices are known before the outage, as they are when it is one.
  await readings.write(readingsAt(-1, devices));
  while ((await pending()) > 0) await setTimeout(50);
  await influxd.stop("SIGTERM");
  const from = performance.now();
  for (let tick = 0; tick < ticks; tick++) await readings.write(readingsAt(tick, devices));
  const spooledPerS = (ticks * devices * 1000) / (performance.now() - from);
  const { bytes } = await readings.health();
  await influxd.start();
  let slowestAckMs = 0;
  let live = 0;
  let running = true;
  const liveTicks = (async () => {
    for (let tick = ticks; running; tick++) {
      const began = performance.now();
      await readings.write(readingsAt(tick, Math.round(livePerS / 10)));
      slowestAckMs = Math.max(slowestAckMs, performance.now() - began);
      live += Math.round(livePerS / 10);
      await setTimeout(100);
    }
  })();
  const started = performance.now();
  // Live readings are always on their way: caught up is when less than a second of them is left.
  while ((await pending()) > livePerS) {
    if (performance.now() - started > 300_000) throw new Error("not caught up after five minutes");
    await setTimeout(50);
  }
  const seconds = (performance.now() - started) / 1000;
  running = false;
  await liveTicks;
  await readings[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
  return {
    perS: (ticks * devices + live) / seconds,
    spooledPerS,
    bytesPerReading: bytes / (ticks * devices),
    slowestAckMs,
  };
};

const median = (of: readonly number[]): number => [...of].sort((a, b) => a - b)[of.length >> 1] ?? 0;
await using influxd = await startInfluxd();
const bares: number[] = [];
const ours: Awaited<ReturnType<typeof catchUp>>[] = [];
for (let round = 0; round < rounds; round++) {
  bares.push(await bare(influxd.port, `bare${round}`));
  ours.push(await catchUp(influxd, `wattlas${round}`));
}
const barePerS = median(bares);
const catchUpPerS = median(ours.map(({ perS }) => perS));
const line = {
  backlog: ticks * devices,
  livePerS,
  barePerS: Math.round(barePerS),
  catchUpPerS: Math.round(catchUpPerS),
  ratio: Number((catchUpPerS / barePerS).toFixed(2)),
  spooledPerS: Math.round(median(ours.map(({ spooledPerS }) => spooledPerS))),
  spoolBytesPerReading: Math.round(median(ours.map(({ bytesPerReading }) => bytesPerReading))),
  slowestLiveAckMs: Math.round(Math.max(...ours.map(({ slowestAckMs }) => slowestAckMs))),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
