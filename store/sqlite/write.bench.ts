import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { timestamp } from "../unit.ts";
import { openSqliteReadings } from "./readings.ts";

// Durable six-value readings, 1000 in a batch, two batches in flight, 1000 devices, against a bare loop of inserts of
// the same values with the same durability: `node store/sqlite/write.bench.ts [batches]`.

const batches = Number(process.argv[2] ?? 200);
const perBatch = 1000;
const folder = mkdtempSync(join(tmpdir(), "wattlas-bench-"));
const start = 1_795_219_200_000;
const values = (number: number) => [number % 5000, 230 + (number % 10), 1.5, 21.25, 120_331_250 + number, 50];
const names = ["power_w", "voltage_l1_v", "current_l1_a", "inlet_c", "energy_import_wh", "util_pct"];

const bare = (): number => {
  const db = new DatabaseSync(join(folder, "bare.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096");
  db.exec(
    "CREATE TABLE reading(device INTEGER, ts INTEGER, received INTEGER, a REAL, b REAL, c REAL, d REAL, e REAL, f REAL)",
  );
  const insert = db.prepare("INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const started = performance.now();
  for (let index = 0; index < batches; index++) {
    db.exec("BEGIN");
    for (let row = 0; row < perBatch; row++) {
      const ts = start + index * 10_000;
      insert.run(row, ts, ts + 5, ...values(index * perBatch + row));
    }
    db.exec("COMMIT");
  }
  const rate = (batches * perBatch * 1000) / (performance.now() - started);
  db.close();
  return rate;
};

const store = async () => {
  const settings = { DATA_DIR: folder, STORE_GAP_MS: 150_000 };
  const readings = await openSqliteReadings(settings, {
    role: "writer",
    onError: (error) => {
      throw error;
    },
  });
  const batch = (index: number) =>
    Array.from({ length: perBatch }, (_, row) => {
      const ts = timestamp(start + index * 10_000);
      const row6 = values(index * perBatch + row);
      const quantities = Object.fromEntries(names.map((name, at) => [name, row6[at] ?? 0]));
      return { site: "demo", device: `r-${row}`, ts, received: timestamp(ts + 5), quantities, flags: [] };
    });
  const prepared = Array.from({ length: batches }, (_, index) => batch(index));
  let next = 0;
  const lane = async () => {
    for (let mine = next++; mine < batches; mine = next++) await readings.write(prepared[mine] ?? []);
  };
  const started = performance.now();
  await Promise.all([lane(), lane()]);
  const rate = (batches * perBatch * 1000) / (performance.now() - started);
  const { bytes } = await readings.health();

  const timed = async (work: () => Promise<unknown>) => {
    const from = performance.now();
    await work();
    return Math.round(performance.now() - from);
  };
  const series = { site: "demo", device: "r-5", quantity: "power_w", from: timestamp(0), to: timestamp(9e12) };
  const latestMs = await timed(() => readings.latest({ site: "demo" }));
  const rollMs = await timed(() =>
    readings.prune({ now: timestamp(0), rawMs: 0, rollup: { "1m": null, "15m": null, "1h": null } }),
  );
  const latestRolledMs = await timed(() => readings.latest({ site: "demo" }));
  const seriesMs = await timed(() => readings.series({ ...series, step: "1m" }));
  await readings[Symbol.asyncDispose]();
  return { rate, bytesPerReading: bytes / (batches * perBatch), latestMs, rollMs, latestRolledMs, seriesMs };
};

const bareRate = bare();
const { rate, bytesPerReading, ...reads } = await store();
const line = {
  bareRowsPerS: Math.round(bareRate),
  storeReadingsPerS: Math.round(rate),
  ratio: Number((rate / bareRate).toFixed(2)),
  bytesPerReading: Math.round(bytesPerReading),
  ...reads,
};
process.stdout.write(`${JSON.stringify(line)}\n`);
rmSync(folder, { recursive: true });
