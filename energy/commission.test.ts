import { afterEach, describe, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Reading, type Timestamp } from "#store";
import { startEnergy } from "./book.ts";
import type { Commissioning, MeterReport } from "./commission.ts";
import { energySchema } from "./config.ts";
import { parseSite } from "./site.ts";

const t0 = Date.parse("2026-06-01T00:00:00+08:00");
const minuteMs = 60_000;
const parsed = parseSite(
  `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 200000
nodes:
  - { id: grid, kind: grid, rating_w: 200000, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh, energy_reverse: energy_export_wh }] }
  - { id: hall, kind: it, rating_w: 100000, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh }] }
  - { id: a, kind: it, parent: hall, rating_w: 20000, points: [{ code: MP.IT.IN.1, device: a }] }
  - { id: b, kind: it, parent: hall, rating_w: 20000, points: [{ code: MP.IT.IN.2, device: b }] }
  - { id: c, kind: it, parent: hall, rating_w: 20000, points: [{ code: MP.IT.IN.3, device: c }] }
  - { id: d, kind: it, parent: hall, rating_w: 20000, points: [{ code: MP.IT.IN.4, device: d }] }
  - { id: cool, kind: cooling, rating_w: 60000, points: [{ code: MP.COOL.1, device: cool, energy_forward: energy_import_wh }] }
  - { id: roof, kind: pv, rating_w: 50000, points: [{ code: MP.PV.1, device: pv }] }
`,
  "s.yaml",
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
const model = parsed.site;

const truthW: Readonly<Record<string, number>> = {
  ...{ grid: 72_000, hall: 60_000, a: 15_000, b: 15_000, c: 15_000, d: 15_000, cool: 20_000, pv: 8000 },
};
type Change = (quantities: Record<string, number>, ts: number) => Record<string, number>;
interface Fault {
  readonly change?: Change;
  readonly lagMs?: number;
  readonly everyMs?: number;
  readonly mute?: true;
}

/** Half an hour of the site, with some devices changed. */
const readingsWith = (faults: Readonly<Record<string, Fault>>): Reading[] =>
  Object.entries(truthW).flatMap(([device, watts]) => {
    const { change, lagMs = 200, everyMs = 10_000, mute } = faults[device] ?? {};
    if (mute) return [];
    return Array.from({ length: (30 * minuteMs) / everyMs + 1 }, (_, index): Reading => {
      const ts = t0 + index * everyMs;
      const energy = { energy_import_wh: 1000 + (watts * (ts - t0)) / 3_600_000, energy_export_wh: 0 };
      const third = { power_l1_w: watts / 3, power_l2_w: watts / 3, power_l3_w: watts / 3 };
      const quantities = { power_w: watts, ...energy, ...third };
      return {
        ...{ site: "s", device, ts: ts as Timestamp, received: (ts + lagMs) as Timestamp, flags: [] },
        quantities: change === undefined ? quantities : change(quantities, ts),
      };
    });
  });

const owned: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of owned.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const reportOf = async (faults: Readonly<Record<string, Fault>> = {}): Promise<Commissioning> => {
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger();
  const energy = await startEnergy(energySchema.parse({}), {
    ...{ readings, ledger, sites: [model], publish: () => undefined },
    ...{ onError: (error: unknown) => expect(error).toBeUndefined(), now: () => t0 + 31 * minuteMs },
  });
  owned.push(energy);
  await readings.write(readingsWith(faults));
  await energy.settled();
  const report = await energy.commissioning({ site: "s", from: t0, to: t0 + 30 * minuteMs + 1 });
  if (report === null) throw new Error("no report");
  return report;
};
const meter = (report: Commissioning, device: string): MeterReport => {
  const found = report.meters.find((candidate) => candidate.device === device);
  if (found === undefined) throw new Error(device);
  return found;
};
const verdicts = ({ ratio, phase, direction, clock, interval }: MeterReport) =>
  [ratio, phase, direction, clock, interval].map(({ verdict }) => verdict);

describe("a commissioning report", () => {
  test("of a healthy site has nothing to say against any meter", async () => {
    const report = await reportOf();
    expect(report.suspect).toBeNull();
    expect(report.meters).toHaveLength(8);
    for (const one of report.meters) expect(verdicts(one)).not.toContain("bad");
    expect(verdicts(meter(report, "hall"))).toEqual(["good", "good", "good", "good", "good"]);
    expect(meter(report, "hall").ratio.value).toBeCloseTo(1, 2);
    expect(report.models).toEqual([{ revision: model.revision, validFrom: null }]);
  });
  test("tells what can be computed, and by both languages what the rest lacks", async () => {
    const report = await reportOf();
    const kpi = (id: string) => report.kpis.find((candidate) => candidate.kpi === id);
    expect(kpi("pue")).toMatchObject({ able: true, lacks: [] });
    expect(kpi("cue")?.able).toBe(false);
    expect(kpi("equivalent_cycles")?.lacks).toEqual([
      { what: "POINT_MISSING:MP.BESS", text: { en: "no point MP.BESS", "zh-CN": "缺少计量点 MP.BESS" } },
    ]);
  });
  test("names the silent point that a KPI waits for", async () => {
    const report = await reportOf({ hall: { mute: true } });
    expect(meter(report, "hall").silent).toEqual(["power_w", "energy_import_wh"]);
    const pue = report.kpis.find(({ kpi }) => kpi === "pue");
    expect(pue?.able).toBe(false);
    expect(pue?.lacks.map(({ what }) => what)).toContain("POINT_SILENT:MP.IT hall (power_w, energy_import_wh)");
  });
});

describe("the evidence of a meter", () => {
  const scaled =
    (factor: number, ...names: readonly string[]): Change =>
    (quantities) =>
      Object.fromEntries(
        Object.entries(quantities).map(([name, value]) => [name, names.includes(name) ? value * factor : value]),
      );

  test("shows a register in the wrong unit against its own power", async () => {
    const report = await reportOf({ cool: { change: scaled(0.001, "energy_import_wh") } });
    const { ratio } = meter(report, "cool");
    expect(ratio.verdict).toBe("bad");
    expect(ratio.text["zh-CN"]).toMatch(/千分之一/);
  });
  test("takes means of the interval that ended for what they are, also on a steep ramp", async () => {
    // From 60 kW to nothing in half an hour, told every minute: as instants the same figures are 3.3 % too much.
    const startW = 60_000;
    const spanMs = 30 * minuteMs;
    const soldWh = (ms: number) => (startW * (ms - ms ** 2 / (2 * spanMs))) / 3_600_000;
    const ramp: Change = (_, ts) => {
      const meanW = ((soldWh(ts - t0) - soldWh(ts - t0 - minuteMs)) * 3_600_000) / minuteMs;
      return { power_w: meanW, energy_import_wh: 1000 + soldWh(ts - t0) };
    };
    const { ratio } = meter(await reportOf({ cool: { change: ramp, everyMs: minuteMs } }), "cool");
    expect(ratio).toMatchObject({ verdict: "good", value: expect.closeTo(1, 3) });
  });
  test("does not take the swing of a load that is sampled for a wrong ratio", async () => {
    const swinging: Change = ({ power_w = 0, ...rest }, ts) => ({
      ...rest,
      power_w: power_w * (1 + 0.5 * Math.sin(((ts - t0) / 10_000) ** 2)),
    });
    expect(meter(await reportOf({ cool: { change: swinging } }), "cool").ratio.verdict).toBe("good");
  });
  test("compares phases with the total of the same readings only", async () => {
    const seldom: Change = ({ power_w = 0, ...rest }, ts) =>
      (ts - t0) % 50_000 === 0
        ? { ...rest, power_w }
        : { power_w: power_w * 0.7, energy_import_wh: rest.energy_import_wh ?? 0 };
    expect(meter(await reportOf({ hall: { change: seldom } }), "hall").phase.verdict).toBe("good");
  });
  test("shows a rack that reads a tenth of its siblings", async () => {
    const { ratio } = meter(await reportOf({ b: { change: scaled(0.1, "power_w") } }), "b");
    expect(ratio).toMatchObject({ verdict: "bad", value: 0.1 });
  });
  test("shows a parent that is less than what is under it", async () => {
    const half = scaled(0.5, "power_w", "energy_import_wh");
    expect(meter(await reportOf({ hall: { change: half } }), "hall").ratio).toMatchObject({ verdict: "bad", value: 2 });
  });
  test("shows a reversed transformer, and the balance names it", async () => {
    const reversed: Change = ({ power_w = 0, ...rest }) => ({ ...rest, power_w: -power_w, energy_import_wh: 1000 });
    const report = await reportOf({ cool: { change: reversed } });
    expect(meter(report, "cool").direction).toMatchObject({ verdict: "bad", value: -20_000 });
    expect(report.suspect).toMatchObject({ device: "cool", signature: "REVERSED" });
  });
  test("shows one phase against the others, and one phase for three", async () => {
    const turned: Change = (quantities) => ({ ...quantities, power_l2_w: -(quantities.power_l2_w ?? 0) });
    expect(meter(await reportOf({ hall: { change: turned } }), "hall").phase).toMatchObject({
      verdict: "bad",
      text: { en: "L2 runs against the others" },
    });
    const third = scaled(1 / 3, "power_w");
    expect(meter(await reportOf({ hall: { change: third } }), "hall").phase.text.en).toMatch(/one phase of three/);
  });
  test("shows power factors that cannot be, from voltage and current", async () => {
    const amps =
      (amperes: number): Change =>
      ({ power_w = 0 }) => ({ power_w, voltage_l1_v: 230, current_l1_a: amperes });
    expect(meter(await reportOf({ a: { change: amps(70) } }), "a").phase.verdict).toBe("good");
    expect(meter(await reportOf({ a: { change: amps(7) } }), "a").phase.verdict).toBe("bad");
  });
  test("shows clocks that are late or ahead, and rhythms that are slow", async () => {
    const report = await reportOf({ a: { lagMs: 90_000 }, b: { lagMs: -4000 }, c: { everyMs: 60_000 } });
    expect(meter(report, "a").clock).toMatchObject({ verdict: "bad", value: 90 });
    expect(meter(report, "b").clock).toMatchObject({ verdict: "bad", value: -4 });
    expect(meter(report, "c").interval).toMatchObject({ verdict: "bad", value: 60 });
  });
});
