import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { bandAt } from "../../energy/tariff.ts";
import { demoOffsetMs } from "./demo.ts";
import { loadWeek } from "./recordings.ts";
import { sampleAll, weekPhase } from "./sample.ts";
import { loadDemoSite } from "./site.ts";
import { type DemoDevice, weekMinutes } from "./week.ts";

let devices: readonly DemoDevice[];
const device = (id: string): DemoDevice => {
  const found = devices.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no device ${id}`);
  return found;
};
beforeAll(() => {
  devices = loadWeek();
});

test("the balance closes in every minute: grid + PV + battery = IT + losses + cooling + offices", () => {
  for (let minute = 0; minute < weekMinutes; minute++) {
    const sum = (ids: readonly string[]) =>
      ids.reduce((total, id) => total + (device(id).powerW[minute] ?? Number.NaN), 0);
    const supplied = sum(["grid-1", "pv-1", "bess-1"]);
    const consumed = sum(["ups-out-1", "chain-1", "crac-1", "crac-2", "office-1"]);
    expect(Math.abs(supplied - consumed)).toBeLessThan(1e-6);
  }
});

test("where the price feed is silent, the bands of the site file say what was recorded", async () => {
  const demo = await loadDemoSite();
  if (!demo.ok || demo.site.tariff === null) throw new Error("the demonstration has a tariff");
  const { tariff, timeZone } = demo.site;
  const recorded = device("price-1").signals?.price_per_kwh;
  const sunday = Date.parse("2026-11-08T00:00:00+08:00");
  for (let minute = 0; minute < weekMinutes; minute += 30)
    expect([minute, bandAt(tariff, sunday + minute * 60_000, timeZone)?.pricePerKwh]).toEqual([
      minute,
      recorded?.[minute],
    ]);
});

test("a week's PV energy is the recorded roof's, 24 times", () => {
  const forward = device("pv-1").forwardWh;
  expect(forward[weekMinutes]).toBeGreaterThan(24 * 150_000);
  expect(device("pv-1").reverseWh[weekMinutes]).toBe(0);
});

test("the battery ends its week where it began", () => {
  const soc = device("bess-1").socPct ?? new Float64Array();
  expect(Math.abs((soc[0] ?? 0) - (soc[weekMinutes - 1] ?? 0))).toBeLessThan(1);
});

test("registers never run backwards, across weeks too", () => {
  const origin = Date.UTC(2026, 10, 14);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 * 86_400 }), fc.integer({ min: 1, max: 86_400 }), (startS, laterS) => {
      const before = sampleAll(devices, origin + startS * 1000, demoOffsetMs, "live");
      const after = sampleAll(devices, origin + (startS + laterS) * 1000, demoOffsetMs, "live");
      for (const reading of before) {
        const later = after.find((candidate) => candidate.device === reading.device);
        for (const [name, value] of Object.entries(reading)) {
          if (!later || !(name.endsWith("_wh") || name.startsWith("work_"))) continue;
          expect(Number(later[name])).toBeGreaterThanOrEqual(Number(value));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("live power adds up within the meters' own errors at any second", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 7 * 86_400 - 1 }), (second) => {
      const ts = Date.UTC(2026, 10, 14) + second * 1000;
      const minute = Math.floor(weekPhase(ts, demoOffsetMs).ms / 60_000);
      const rehearsed = device("crac-2").faulty;
      fc.pre(!rehearsed || minute < rehearsed.from - 1 || minute > rehearsed.to);
      const power = new Map(
        sampleAll(devices, ts, demoOffsetMs, "live").map((reading) => [reading.device, Number(reading.power_w)]),
      );
      const sum = (ids: readonly string[]) => ids.reduce((total, id) => total + (power.get(id) ?? Number.NaN), 0);
      const residual =
        sum(["grid-1", "pv-1", "bess-1"]) - sum(["ups-out-1", "chain-1", "crac-1", "crac-2", "office-1"]);
      expect(Math.abs(residual)).toBeLessThan(700);
    }),
    { numRuns: 300 },
  );
});

test("PV of a recorded noon is at noon of the site", () => {
  const pv = device("pv-1").powerW;
  const noon = pv[2 * 1440 + 12 * 60] ?? 0;
  const midnight = pv[2 * 1440] ?? Number.NaN;
  expect(noon).toBeGreaterThan(50_000);
  expect(midnight).toBe(0);
});

test("the demonstration's site file has no fault and models every device that has power", async () => {
  const parsed = await loadDemoSite();
  expect(parsed.ok ? [] : parsed.faults).toEqual([]);
  if (!parsed.ok) return;
  const modelled = new Set(parsed.site.nodes.flatMap((node) => node.points.map((point) => point.device)));
  for (const { id, kind } of devices) if (kind !== "feed") expect(modelled).toContain(id);
});
