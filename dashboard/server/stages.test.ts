import readXlsx from "read-excel-file/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Commissioning,
  catalogue,
  energySchema,
  type KpiChange,
  parseSite,
  type Report,
  type SiteModel,
  startEnergy,
} from "#energy";
import { rulesSchema, startRules } from "#rules";
import { createMemoryLedger, createMemoryReadings, type Reading, timestamp } from "#store";
import { dashboardSchema } from "./config.ts";
import { type Heard, listen } from "./listen.ts";
import { startDashboard } from "./server.ts";
import type { AlertsWire, KpisWire, ListWire, NowWire, TrendWire } from "./wire.ts";

const siteFile = `
site: hall
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 200000
nodes:
  - id: grid
    kind: grid
    points:
      - { code: MP.PCC, device: grid-1 }
  - id: racks
    kind: it
    points:
      - { code: MP.IT, device: it-1 }
  - id: chillers
    kind: cooling
    points:
      - { code: MP.COOL, device: cool-1 }
`;

const minute = 60_000;
const start = Date.UTC(2026, 10, 21);
const end = start + 30 * minute;
const owned = new AsyncDisposableStack();
const errors: unknown[] = [];
let url = "";
let write: (readings: readonly Reading[]) => Promise<unknown>;
let settled: () => Promise<unknown>;

const reading = (device: string, ts: number, power_w: number): Reading => ({
  site: "hall",
  device,
  ts: timestamp(ts),
  received: timestamp(ts),
  quantities: { power_w },
  flags: [],
});

const parsedSite = (): SiteModel => {
  const parsed = parseSite(siteFile, "hall.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};

/** Half an hour: the racks take 80 kW, the chillers 20 kW; from minute 15 the grid meter misses 30 kW. */
const history = (): readonly Reading[] =>
  Array.from({ length: 181 }, (_, i) => start + i * 10_000).flatMap((ts) => [
    reading("grid-1", ts, ts < start + 15 * minute ? 100_000 : 70_000),
    reading("it-1", ts, 80_000),
    reading("cool-1", ts, 20_000),
  ]);

beforeAll(async () => {
  const readings = owned.use(createMemoryReadings());
  const ledger = owned.use(createMemoryLedger());
  const shared = {
    ...{ readings, ledger, sites: [parsedSite()], publish: () => undefined, now: () => end },
    onError: (error: unknown) => void errors.push(error),
  };
  const rules = owned.use(await startRules(rulesSchema.parse({}), shared));
  const energy = owned.use(await startEnergy(energySchema.parse({}), shared));
  const dashboard = owned.use(
    await startDashboard(dashboardSchema.parse({ DASHBOARD_PORT: "0" }), {
      ...{ readings, ledger, energy, rules, now: () => end, onError: shared.onError },
      status: () => ({ version: "0.1.0", parts: ["dashboard"], mqtt: null, demo: null }),
    }),
  );
  url = dashboard.address.url;
  write = (batch) => readings.write(batch);
  settled = async () => {
    await energy.settled();
    await rules.settled();
  };
});
afterAll(() => owned.disposeAsync());

const get = async <Body>(path: string): Promise<Body> => {
  const response = await fetch(`${url}${path}`);
  expect(response.status, path).toBe(200);
  return (await response.json()) as Body;
};
const range = `from=${start}&to=${end}`;

test("readings become accounts and alerts, and both are heard live", async () => {
  await using listener = await listen(`${url}/api/v1/live?site=hall`);
  await write(history());
  await settled();
  await listener.until(({ event }) => event === "account");
  const { data } = await listener.until(
    ({ event, data }: Heard) => event === "alert" && (data as { rule: string }).rule === "R01",
  );
  expect(data).toMatchObject({ site: "hall" });
});

test("now shows power, balance and KPIs of the real books", async () => {
  const now = await get<NowWire>("/api/v1/sites/hall/now");
  expect(Object.fromEntries(now.nodes.map(({ id, powerW }) => [id, powerW]))).toMatchObject({
    grid: 70_000,
    racks: 80_000,
    chillers: 20_000,
  });
  expect(now.balance.residualW).toBeCloseTo(-30_000, 3);
  expect(Object.keys(now.kpis).length).toBeGreaterThan(0);
});

test("KPIs and their trends agree", async () => {
  const { items } = await get<KpisWire>(`/api/v1/kpis?site=hall&${range}`);
  expect(items.length).toBeGreaterThan(0);
  for (const { kpi } of items) {
    const trend = await get<TrendWire>(`/api/v1/trends?site=hall&kpi=${kpi}&${range}&step=1m`);
    expect(trend.start.length).toBe(trend.value.length);
  }
});

test("accounts of a range are paged to the whole", async () => {
  const seen: number[] = [];
  let next: string | null = "";
  while (next !== null) {
    const cursor: string = next === "" ? "" : `&cursor=${encodeURIComponent(next)}`;
    const page = await get<ListWire<{ start: number }>>(`/api/v1/accounts?site=hall&step=1m&limit=7&${range}${cursor}`);
    seen.push(...page.items.map((account) => account.start));
    next = page.next;
  }
  expect(seen.length).toBeGreaterThan(20);
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => start + i * minute));
});

test("an open balance is an alert that a person can acknowledge", async () => {
  const { items } = await get<AlertsWire>("/api/v1/alerts?site=hall&rule=R01&state=!PENDING");
  const id = items[0]?.id ?? "";
  const response = await fetch(`${url}/api/v1/alerts/${id}/ack`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ by: "Ana", reason: "meter under repair" }),
  });
  expect(await response.json()).toMatchObject({ id, acknowledged: { by: "Ana" } });
  const history = await get<AlertsWire>(`/api/v1/alerts/${id}/history`);
  expect(history.items.at(-1)?.acknowledged?.reason).toBe("meter under repair");
});

test("the commissioning report tells what the site can compute and how its meters do", async () => {
  const report = await get<Commissioning>(`/api/v1/sites/hall/commissioning?${range}`);
  expect(report.kpis.find(({ kpi }) => kpi === "pue")?.able).toBe(true);
  expect(report.meters.map(({ device }) => device)).toEqual(["grid-1", "it-1", "cool-1"]);
  expect((await fetch(`${url}/api/v1/sites/nowhere/commissioning`)).status).toBe(404);
});

test("the shipped rules and the export stand the schemas", async () => {
  const rules = await get<ListWire<{ id: string }>>("/api/v1/rules");
  expect(rules.items.map(({ id }) => id)).toEqual(expect.arrayContaining(["R01", "R04", "R16"]));
  const csv = await (await fetch(`${url}/api/v1/alerts.csv?site=hall`)).text();
  expect(csv).toContain("R01");
});

test("many rules are backtested in one pass, and one that nobody knows is refused", async () => {
  const post = (also: readonly string[]) =>
    fetch(`${url}/api/v1/rules/backtest`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ site: "hall", rule: "R01", also, from: start, to: end }),
    });
  expect(await (await post(["R04", "R16"])).json()).toMatchObject({
    after: { rule: "R01", alerts: [{ rule: "R01", subject: "hall" }] },
    others: [{ rule: "R04" }, { rule: "R16", alerts: [] }],
  });
  expect((await post(["R99"])).status).toBe(404);
});

test("nothing of this was an error", () => {
  expect(errors).toEqual([]);
});

test("every entry of the catalogue is answered over any period, with a value or with what is missing", async () => {
  for (const to of [end, start + 7 * minute, start - minute]) {
    const answer = await fetch(`${url}/api/v1/kpis?site=hall&from=${start - 60 * minute}&to=${to}`);
    const { items } = (await answer.json()) as KpisWire;
    expect([...new Set(items.map(({ kpi }) => kpi))].toSorted()).toEqual(catalogue.map(({ id }) => id).toSorted());
    for (const { value, flags } of items) expect(value !== null || flags.length > 0).toBe(true);
  }
});

test("a PUE that fell because the grid meter lost 30 kW is told as metering, and the parts add up", async () => {
  const period = `from=${start + 16 * minute}&to=${end}&baseFrom=${start}&baseTo=${start + 14 * minute}`;
  const answer = await fetch(`${url}/api/v1/kpis/pue/change?site=hall&${period}`);
  expect(answer.status).toBe(200);
  const { change, parts, flags } = (await answer.json()) as KpiChange;
  const sum = parts.reduce((total, { value }) => total + value, 0);
  expect(sum).toBeCloseTo(change ?? Number.NaN, 12);
  expect(parts.find(({ driver }) => driver === "metering")?.value).toBeCloseTo(-30 / 80, 6);
  expect(flags).toContain("WEATHER_UNKNOWN");
});
test("a KPI whose change cannot be told apart is refused by name", async () => {
  const answer = await fetch(`${url}/api/v1/kpis/wue/change?site=hall`);
  expect(answer.status).toBe(400);
});

test("a report is given as JSON, CSV and an Excel workbook, with the same fields", async () => {
  const path = `${url}/api/v1/reports/eu-2024-1364?site=hall&from=${start}&to=${end}`;
  const report = (await (await fetch(path)).json()) as Report;
  expect(report.notes).toContain("PERIOD_NOT_A_CALENDAR_YEAR");
  const pue = report.fields.find(({ code }) => code === "EDC");
  expect(pue).toMatchObject({ unit: "kWh", points: ["MP.PCC (grid-1)"] });

  const csv = await fetch(`${path}&format=csv`);
  expect(csv.headers.get("content-type")).toContain("text/csv");
  const lines = (await csv.text()).trimEnd().split("\r\n");
  expect(lines).toHaveLength(7 + report.fields.length);

  const xlsx = await fetch(`${path}&format=xlsx`);
  const [sheet] = await readXlsx(Buffer.from(await xlsx.arrayBuffer()));
  const rows = sheet?.data ?? [];
  expect(rows.slice(7).map((row) => row[1])).toEqual(report.fields.map(({ code }) => code));
});
test("a report of a civil year begins at the site's own new year", async () => {
  const report = (await (
    await fetch(`${url}/api/v1/reports/cn-green-data-centre?site=hall&year=2026`)
  ).json()) as Report;
  expect(report.period).toMatchObject({ start: "2026-01-01T00:00:00+08:00", end: "2027-01-01T00:00:00+08:00" });
  expect((await fetch(`${url}/api/v1/reports/eu-2024-1364?site=nowhere`)).status).toBe(404);
});
