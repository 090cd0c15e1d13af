import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Account } from "./account.ts";
import { mixIntensity } from "./carbon.ts";
import { accountWindow } from "./close.ts";
import { composeAccounts } from "./compose.ts";
import { findKpi, kpiResults } from "./kpi/index.ts";
import type { Samples } from "./meter.ts";
import type { SiteModel } from "./model.ts";
import { parseSite } from "./site.ts";

const folder = join(import.meta.dirname, "cases", "answers");
const table = async (name: string) => {
  const lines = (await readFile(join(folder, name), "utf8")).trim().split("\n");
  const notes = Object.fromEntries(
    lines
      .filter((line) => line.startsWith("#"))
      .flatMap((line) => [...line.matchAll(/(\w+)=(\S+)/g)].map((m) => [m[1], m[2]])),
  ) as Readonly<Record<string, string | undefined>>;
  const [head = "", ...rows] = lines.filter((line) => !line.startsWith("#"));
  const names = head.split(",");
  return {
    notes,
    rows: rows.map((row) => Object.fromEntries(row.split(",").map((cell, index) => [names[index] ?? "", cell]))),
  };
};
const number = (cell: string | undefined): number => Number(cell ?? Number.NaN);
const site = (text: string): SiteModel => {
  const parsed = parseSite(text, "s.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const limits = { bridgeMs: 3_600_000 };

describe("a recorded H200 server gives the published figures", () => {
  const model = site(`site: lab
time_zone: UTC
currency: USD
bus_rating_w: 20000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: pcc }] }
  - { id: server, kind: it, points: [{ code: MP.IT.IN.1, device: h200, interval_s: 1 }] }
compute: { work: [{ device: h200, quantity: work_samples, workload: MLPerf, precision: FP8, node: server }] }
`);
  const check = async (name: string) => {
    const { notes, rows } = await table(`h200-${name}.csv`);
    const [start, end] = [number(notes.power_begin_ms), number(notes.power_end_ms)];
    const [performance, publishedW] = [number(notes.performance), number(notes.power_w_published)];
    const power: Samples = { ts: rows.map((row) => number(row.ts_ms)), value: rows.map((row) => number(row.watts)) };
    const work: Samples = {
      ts: power.ts,
      value: power.ts.map((ts) => ((ts - (power.ts[0] ?? 0)) / 1000) * performance),
    };

    // The published figure is the plain mean of the samples strictly inside the window.
    const inside = power.value.filter((_, index) => (power.ts[index] ?? 0) > start && (power.ts[index] ?? 0) < end);
    const meanW = inside.reduce((sum, watts) => sum + watts, 0) / inside.length;
    expect(meanW / publishedW).toBeCloseTo(1, 10);

    // Ours is weighted by time, from border to border: the same within half a sample in a thousand.
    const columns = new Map([
      ["h200/power_w", power],
      ["h200/work_samples", work],
    ]);
    const account = accountWindow(model, { step: "1m", start, end }, columns, limits);
    const timed = account.nodes.server?.meanW ?? Number.NaN;
    expect(Math.abs(timed / publishedW - 1)).toBeLessThan(2e-3);
    const entry = findKpi("compute_per_watt");
    const [atIt] = entry === undefined ? [] : kpiResults(entry, [account], model, { start, end });
    const samplesPerJoule = (atIt?.value ?? Number.NaN) / 3.6e6;
    expect(samplesPerJoule / (performance / timed)).toBeCloseTo(1, 9);
    expect(Math.abs(samplesPerJoule / (performance / publishedW) - 1)).toBeLessThan(2e-3);
  };
  test("BERT-99 offline: 5,531.25 W, 9.774 samples/J", () => check("bert-99-offline"));
  test("BERT-99 server: 5,235.63 W, 7.945 queries/J", () => check("bert-99-server"));
  test("3D-UNet-99 offline: 4,613.62 W, 0.00903 samples/J", () => check("3d-unet-99-offline"));
});

describe("a recorded grid mix gives its published carbon intensity", () => {
  const factors = { WND: 11, SUN: 41, WAT: 24, OIL: 650, NG: 490, COL: 820, NUC: 12, OTH: 230 };
  test("every hour of two weeks, to a billionth", async () => {
    const { rows } = await table("eia-mix.csv");
    expect(rows).toHaveLength(336);
    for (const row of rows) {
      const energy = Object.fromEntries(Object.keys(factors).map((source) => [source, number(row[source])]));
      expect((mixIntensity(energy, factors) ?? Number.NaN) / number(row.avg_CI)).toBeCloseTo(1, 9);
    }
  });
});

describe("a recorded tariff series gives its published energies and costs", () => {
  const model = site(`site: home
time_zone: Europe/Paris
currency: EUR
bus_rating_w: 50000
nodes:
  - id: grid
    kind: grid
    points:
      - { code: MP.PCC, device: pcc, power: null, energy_forward: energy_import_wh, energy_reverse: energy_export_wh, interval_s: 1800 }
tariff:
  bands: [{ from: "00:00", to: "24:00", period: flat, price_per_kwh: 9 }]
  export_price_per_kwh: 0.065
  device: feed
`);
  const stepMs = 1_800_000;
  /** Registers at the borders of the steps, as a meter would have shown them. */
  const totals = async (name: string) => {
    const { rows } = await table(`emhass-${name}.csv`);
    const start = Date.parse((rows[0]?.timestamp ?? "").replace(" ", "T"));
    const ts = [start];
    const imported = [0];
    const exported = [0];
    rows.forEach((row, index) => {
      ts.push(start + (index + 1) * stepMs);
      imported.push((imported[index] ?? 0) + number(row.P_grid_pos) / 2);
      exported.push((exported[index] ?? 0) - number(row.P_grid_neg) / 2);
    });
    const columns = new Map<string, Samples>([
      ["pcc/energy_import_wh", { ts, value: imported }],
      ["pcc/energy_export_wh", { ts, value: exported }],
      ["feed/price_per_kwh", { ts: ts.slice(0, -1), value: rows.map((row) => number(row.unit_load_cost)) }],
    ]);
    const end = start + rows.length * stepMs;
    const quarters: Account[] = [];
    for (let at = start; at < end; at += stepMs / 2)
      quarters.push(accountWindow(model, { step: "15m", start: at, end: at + stepMs / 2 }, columns, limits));
    return composeAccounts(model, { step: "1d", start, end }, quarters).totals;
  };

  test("aiming at cost: 189.7217 kWh in, 160.2482 kWh out, 17.351831 EUR", async () => {
    const { importWh, exportWh, cost } = await totals("cost");
    expect((importWh ?? 0) / 1000).toBeCloseTo(189.7217, 4);
    expect((exportWh ?? 0) / 1000).toBeCloseTo(160.2482, 4);
    expect(cost).toBeCloseTo(17.351831, 6);
  });
  test("aiming at profit: 39.412397 EUR", async () => {
    expect((await totals("profit")).cost).toBeCloseTo(39.412397, 6);
  });
  test("aiming at self-consumption: 62.2869 kWh in, 32.8134 kWh out, 8.054723 EUR", async () => {
    const { importWh, exportWh, cost } = await totals("self-consumption");
    expect((importWh ?? 0) / 1000).toBeCloseTo(62.2869, 4);
    expect((exportWh ?? 0) / 1000).toBeCloseTo(32.8134, 4);
    expect(cost).toBeCloseTo(8.054723, 6);
  });
});
