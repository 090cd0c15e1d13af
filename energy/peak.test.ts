import fc from "fast-check";
import { expect, test } from "vitest";
import type { Account } from "./account.ts";
import { composeAccounts } from "./compose.ts";
import { demandWindows, maxDemand } from "./demand.ts";
import { demandPeaks } from "./peak.ts";
import { parseSite } from "./site.ts";

const minuteMs = 60_000;
const site = (windowMin: number) => {
  const parsed = parseSite(
    `site: s
time_zone: Asia/Kolkata
currency: INR
bus_rating_w: 1000000
nodes: [{ id: grid, kind: grid, points: [{ code: MP.PCC, device: grid }] }]
demand: { contract_w: 1000, window_min: ${windowMin} }
`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const minute = (index: number, importWh: number | null): Account => ({
  site: "s",
  step: "1m",
  start: (index * minuteMs) as Account["start"],
  end: ((index + 1) * minuteMs) as Account["end"],
  revision: 1,
  model: "m",
  nodes: {},
  totals: { importWh } as Account["totals"],
  balance: { supplyW: null, loadW: null, residualW: null, uncertaintyW: null, toleranceW: null },
  coverage: 1,
  quality: "MEASURED",
  flags: [],
});
const quarters = (accounts: readonly Account[], model: ReturnType<typeof site>): Account[] => {
  const found: Account[] = [];
  for (let at = 0; at < accounts.length; at += 15) {
    const parts = accounts.slice(at, at + 15);
    const window = { step: "15m" as const, start: at * minuteMs, end: (at + 15) * minuteMs };
    const composed = composeAccounts(
      { ...model, nodes: [] },
      window,
      parts.map((part) => ({ ...part, totals: { ...part.totals, work: {} } })),
    );
    found.push(composed);
  }
  return found;
};

test("TV-DEM-1: joined from quarter-hours, fixed blocks give 1,400 kW and sliding ones 1,600 kW", () => {
  const model = site(15);
  const kw = [
    ...new Array<number>(10).fill(1000),
    ...new Array<number>(15).fill(1600),
    ...new Array<number>(5).fill(1000),
  ];
  const accounts = kw.map((power, index) => minute(index, (power * 1000) / 60));
  const peaks = demandPeaks(quarters(accounts, model), model);
  expect(peaks?.fixedW).toBeCloseTo(1_400_000, 3);
  expect(peaks?.slidingW).toBeCloseTo(1_600_000, 3);
});
test("joining spans of any length finds what the row of minutes says", () => {
  const wh = fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null, freq: 12 });
  fc.assert(
    fc.property(
      fc.array(wh, { minLength: 1, maxLength: 120 }),
      fc.constantFrom(1, 5, 15, 20, 30, 60),
      (minutes, windowMin) => {
        const model = site(windowMin);
        const accounts = minutes.map((value, index) => minute(index, value));
        const peaks = demandPeaks(quarters(accounts, model), model);
        const sliding = maxDemand(minutes, windowMin, "sliding");
        // Wall clock blocks of half an hour begin at 0:00 UTC in this zone, those of an hour at 0:30.
        const offset = windowMin === 60 ? 30 : windowMin === 20 ? 10 : 0;
        const fixed = demandWindows(minutes.slice(offset), windowMin, "fixed").filter((power) => power !== null);
        expect(peaks?.slidingW ?? null).toEqual(sliding === null ? null : expect.closeTo(sliding, 6));
        expect(peaks?.fixedW ?? null).toEqual(fixed.length === 0 ? null : expect.closeTo(Math.max(...fixed), 6));
      },
    ),
  );
});
test("minutes that are missing between two spans leave their windows unknown", () => {
  const model = site(5);
  const accounts = [0, 1, 2, 3, 5, 6, 7, 8].map((index) => minute(index, 100));
  expect(demandPeaks(accounts, model)).toMatchObject({ fixedW: null, slidingW: null });
  expect(demandPeaks([...accounts, minute(9, 100)], model)).toMatchObject({ fixedW: 6000, slidingW: 6000 });
});
test("without minutes there is no demand", () => {
  expect(demandPeaks([], site(15))).toBeNull();
});
