import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { accountWindow } from "./close.ts";
import { type Factor, factorAt, factorSchema, factors, factorsOver } from "./factor.ts";
import { findKpi, kpiResults } from "./kpi/index.ts";
import type { SiteModel } from "./model.ts";
import { parseSite } from "./site.ts";

const folder = join(import.meta.dirname, "factors");

test("every file of the folder is by the schema and is taken in", async () => {
  const rows: unknown[] = [];
  for (const name of await readdir(folder)) rows.push(...JSON.parse(await readFile(join(folder, name), "utf8")));
  for (const row of rows) expect(factorSchema.safeParse(row).error, JSON.stringify(row)).toBeUndefined();
  expect(rows).toHaveLength(factors.length);
});
test("id and revision name one figure, and revisions of one id do not overlap", () => {
  expect(new Set(factors.map(({ id, revision }) => `${id}@${revision}`)).size).toBe(factors.length);
  for (const a of factors)
    for (const b of factors)
      if (a !== b && a.id === b.id && a.validFrom <= b.validFrom)
        expect(a.validTo !== null && a.validTo <= b.validFrom, `${a.id} ${a.revision} and ${b.revision}`).toBe(true);
});
test("every figure ends after it begins", () => {
  for (const { id, validFrom, validTo } of factors) expect(validTo === null || validFrom < validTo, id).toBe(true);
});
test("a grid factor is that of its year", () => {
  const value = (ts: number) => {
    const found = factorAt("cn-grid", ts);
    return found.ok ? [found.factor.value, found.factor.revision] : found.code;
  };
  expect(value(Date.UTC(2022, 5, 1))).toEqual([536.6, "2022"]);
  expect(value(Date.UTC(2022, 11, 31, 23))).toEqual([536.6, "2022"]);
  expect(value(Date.UTC(2023, 0, 1))).toEqual([530.6, "2023"]);
});
test("a factor of another time is a fault, never taken instead", () => {
  expect(factorAt("cn-grid", Date.UTC(2021, 5, 1))).toMatchObject({ ok: false, code: "FACTOR_NOT_VALID" });
  expect(factorAt("cn-gird", Date.UTC(2026, 5, 1))).toMatchObject({ ok: false, code: "FACTOR_UNKNOWN" });
});
test("a window names every revision that held in it", () => {
  const window = { start: Date.UTC(2022, 6, 1), end: Date.UTC(2023, 6, 1) };
  expect(factorsOver("cn-grid", window).map(({ revision }: Factor) => revision)).toEqual(["2022", "2023"]);
});
test("what was not read in its instrument says so", () => {
  for (const { id, authority, source } of factors) if (authority === "primary") expect(source, id).toMatch(/^https?:/);
});

const dated = (factor: string): SiteModel => {
  const parsed = parseSite(
    `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
nodes: [{ id: grid, kind: grid, points: [{ code: MP.PCC, device: grid }] }]
carbon: { default_g_per_kwh: 1 }
factors: { grid: ${factor}, residual: cn-residual }
`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(parsed.faults.map(({ message }) => message).join());
  return parsed.site;
};
const minute = (model: SiteModel, start: number) => {
  const window = { start, end: start + 60_000 };
  const power = { ts: [start, start + 60_000], value: [600_000, 600_000] };
  const samples = new Map([["grid/power_w", power]]);
  return { window, account: accountWindow(model, { step: "1m", ...window }, samples, { bridgeMs: 3_600_000 }) };
};
test("a site that names a dated factor is accounted by the one of that day, and its answers name it", () => {
  const model = dated("cn-grid");
  const { window, account } = minute(model, Date.UTC(2026, 0, 5));
  expect(account.totals.carbonG).toBeCloseTo(10 * 530.6, 6);
  expect(account.factors).toEqual(["cn-grid@2023"]);
  const entry = findKpi("carbon");
  const [result] = entry === undefined ? [] : kpiResults(entry, [account], model, window);
  expect(result?.factors).toEqual([{ id: "cn-grid", version: "2023" }]);
  const market = findKpi("scope2_market");
  const [answer] = market === undefined ? [] : kpiResults(market, [account], model, window);
  expect(answer).toMatchObject({ value: expect.closeTo(6.096, 6), factors: [{ id: "cn-residual", version: "2023" }] });
});
test("a day before the factor holds leaves carbon unknown, with the fault", () => {
  const model = dated("cn-grid");
  const { window, account } = minute(model, Date.UTC(2020, 0, 5));
  expect(account).toMatchObject({ totals: { carbonG: null }, flags: expect.arrayContaining(["FACTOR_NOT_VALID"]) });
  const entry = findKpi("scope2_market");
  const [result] = entry === undefined ? [] : kpiResults(entry, [account], model, window);
  expect(result).toMatchObject({ value: null, flags: expect.arrayContaining(["FACTOR_NOT_VALID:cn-residual"]) });
});
test("a factor that nobody ships is a fault of the site file", () => {
  expect(() => dated("cn-gird")).toThrow(/unknown factor "cn-gird"/);
});
