import { afterAll, beforeAll, expect, test } from "vitest";
import { parseSite } from "#energy";
import { timestamp } from "#store";
import { alertOf, hall, type Stand, saveAlert, startStand } from "./fake.ts";
import type { DeviceWire, IngestWire, ListWire, NowWire, ReadingWire, SeriesWire } from "./wire.ts";

const minute = 60_000;
const start = Date.UTC(2026, 10, 21);
let stand: Stand;
let clock = start;

beforeAll(async () => {
  stand = await startStand({ now: () => clock });
});
afterAll(() => stand[Symbol.asyncDispose]());

const get = async <Body>(path: string): Promise<{ status: number; type: string; body: Body }> => {
  const response = await fetch(`${stand.url}${path}`);
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    body: (await response.json()) as Body,
  };
};
const refusal = async (path: string) => {
  const { status, type, body } = await get<{ code: string; detail: string; errors?: { name: string }[] }>(path);
  expect(type).toContain("application/problem+json");
  return { status, code: body.code, detail: body.detail, names: body.errors?.map(({ name }) => name) };
};
const write = (device: string, ts: number, quantities: Record<string, number>, site = hall.id) =>
  stand.readings.write([{ site, device, ts: timestamp(ts), received: timestamp(ts + 5), quantities, flags: [] }]);

test("health is 200 while MQTT accepts and a problem before that", async () => {
  expect(await get("/api/v1/health")).toMatchObject({ status: 200, body: { status: "ok", version: "0.1.0" } });
  const { mqtt } = stand.status;
  stand.status.mqtt = null;
  expect(await refusal("/api/v1/health")).toMatchObject({ status: 503, code: "DASHBOARD_MQTT_NOT_READY" });
  stand.status.parts = ["dashboard"];
  expect(await get("/api/v1/health")).toMatchObject({ status: 200, body: { mqtt: null } });
  Object.assign(stand.status, { mqtt, parts: ["broker", "dashboard"] });
});

test("sites are the modelled ones, and only the demonstration is called so", async () => {
  const { body } = await get("/api/v1/sites");
  expect(body).toEqual({
    items: [{ id: "hall", name: hall.name, timeZone: "Asia/Shanghai", currency: "CNY", demo: false, work: [] }],
    next: null,
  });
});

test("now shows the newest reading and the open alerts of the site", async () => {
  await write("meter-1", start, { power_w: 4213.5 });
  await saveAlert(stand.ledger, alertOf({ id: "now-open", start: 5 }));
  await saveAlert(stand.ledger, alertOf({ id: "now-closed", start: 6, state: "CLOSED" }));
  const { body } = await get<NowWire>("/api/v1/sites/hall/now");
  expect(body.nodes[0]?.powerW).toBe(4213.5);
  expect(body.alerts.map(({ id }) => id)).toEqual(["now-open"]);
});

test("in a storm of alerts now shows the worst, newest first, and says how many it left out", async () => {
  await using storm = await startStand();
  for (let i = 0; i < 300; i++)
    await saveAlert(storm.ledger, alertOf({ id: `s${i}`, start: i, severity: i === 3 ? "CRITICAL" : "WARNING" }));
  const now = (await (await fetch(`${storm.url}/api/v1/sites/hall/now`)).json()) as NowWire;
  expect(now.alertsLeftOut).toBe(100);
  expect(now.alerts).toHaveLength(200);
  expect([now.alerts[0]?.id, now.alerts.at(-1)?.id]).toEqual(["s299", "s3"]);
});

test("a site that no file describes is not found", async () => {
  expect(await refusal("/api/v1/sites/attic/now")).toMatchObject({ status: 404, code: "DASHBOARD_SITE_UNKNOWN" });
  expect(await refusal("/api/v1/kpis?site=attic")).toMatchObject({ status: 404, code: "DASHBOARD_SITE_UNKNOWN" });
});

test("a device that no model knows is read like any other", async () => {
  await write("r-900", start, { power_w: 4200 }, "demo");
  const { body } = await get<ListWire<ReadingWire>>("/api/v1/readings?site=demo&device=r-900");
  expect(body).toEqual({
    items: [{ ts: start, received: start + 5, device: "r-900", quantities: { power_w: 4200 }, flags: [] }],
    next: null,
  });
});

test("a site that is not modelled yet gets a site file to begin with, which has no faults", async () => {
  const response = await fetch(`${stand.url}/api/v1/sites/demo/draft`);
  expect(response.headers.get("content-type")).toBe("application/yaml; charset=utf-8");
  expect(response.headers.get("content-disposition")).toBe('attachment; filename="demo.yaml"');
  expect(parseSite(await response.text(), "demo.yaml")).toMatchObject({ ok: true });
  expect(await refusal("/api/v1/sites/nobody/draft")).toMatchObject({ status: 404, code: "DASHBOARD_SITE_UNKNOWN" });
});

test("readings are paged without loss or repetition", async () => {
  for (let i = 0; i < 5; i++) await write("paged", start + i, { power_w: i });
  const first = await get<ListWire<ReadingWire>>("/api/v1/readings?site=hall&device=paged&limit=3");
  const second = await get<ListWire<ReadingWire>>(
    `/api/v1/readings?site=hall&device=paged&limit=3&cursor=${encodeURIComponent(first.body.next ?? "")}`,
  );
  expect([...first.body.items, ...second.body.items].map(({ quantities }) => quantities.power_w)).toEqual([
    0, 1, 2, 3, 4,
  ]);
  expect(second.body.next).toBeNull();
});

test("every bad parameter is named", async () => {
  const answer = await refusal("/api/v1/readings?site=a%20b&limit=0&colour=red&from=x");
  expect(answer).toMatchObject({ status: 400, code: "DASHBOARD_PARAMETER_INVALID" });
  expect(answer.names?.toSorted()).toEqual(["colour", "from", "limit", "site"]);
});

test("an end before the start is a bad parameter", async () => {
  expect(await refusal("/api/v1/readings?site=hall&from=10&to=10")).toMatchObject({ status: 400, names: ["to"] });
});

test("a cursor of somewhere else is refused", async () => {
  expect(await refusal("/api/v1/readings?site=hall&cursor=nonsense")).toMatchObject({
    status: 400,
    code: "DASHBOARD_CURSOR_INVALID",
  });
});

test("a short series is given raw, with its unit", async () => {
  for (let i = 0; i < 3; i++) await write("raw", start + i * 1000, { power_w: 100 + i });
  const { body } = await get<SeriesWire>(
    `/api/v1/series?site=hall&device=raw&quantity=power_w&from=${start}&to=${start + minute}`,
  );
  expect(body).toMatchObject({ step: "raw", unit: "W", mean: [100, 101, 102], coverage: [1, 1, 1] });
});

test("a window's mean is weighted by time, not by samples", async () => {
  // 100 W for a minute, with the samples crowded at its end.
  for (const [offset, value] of [
    [0, 100],
    [50_000, 100],
    [59_000, 0],
    [60_000, 0],
  ] as const)
    await write("weighted", start + offset, { power_w: value });
  const { body } = await get<SeriesWire>(
    `/api/v1/series?site=hall&device=weighted&quantity=power_w&from=${start}&to=${start + minute}&step=1m`,
  );
  // Trapezoids: 50 s of 100 W, 9 s of a slope of mean 50 W, 1 s of 0 W.
  expect(body.mean[0]).toBeCloseTo((50 * 100 + 9 * 50) / 60, 6);
  expect(body).toMatchObject({ min: [0], max: [100], coverage: [1] });
});

test("a series of years comes in civil days of the site", async () => {
  const { body } = await get<SeriesWire>(
    `/api/v1/series?site=hall&device=raw&quantity=power_w&from=${start - 400 * 86_400_000}&to=${start + minute}`,
  );
  // Midnight in Shanghai is 16:00 UTC.
  expect(body).toMatchObject({ step: "1d", ts: [start - 8 * 3_600_000] });
});

test("a series of a device that never spoke is empty, not a fault", async () => {
  const { body, status } = await get<SeriesWire>("/api/v1/series?site=hall&device=mute&quantity=power_w");
  expect({ status, ts: body.ts }).toEqual({ status: 200, ts: [] });
});

test("too many windows at once are refused with the mend", async () => {
  expect(await refusal("/api/v1/series?site=hall&device=raw&quantity=power_w&from=0&step=1m")).toMatchObject({
    status: 400,
    code: "DASHBOARD_RANGE_TOO_LONG",
  });
});

test("KPIs come with numerator, denominator, coverage and quality", async () => {
  const { body } = await get("/api/v1/kpis?site=hall&kpi=pue");
  expect(body).toMatchObject({ items: [{ kpi: "pue", numerator: 125, denominator: 100, quality: "MEASURED" }] });
});

test("a trend of an unknown KPI is not found", async () => {
  expect(await get("/api/v1/trends?site=hall&kpi=pue")).toMatchObject({ status: 200, body: { kpi: "pue" } });
  expect(await refusal("/api/v1/trends?site=hall&kpi=charm")).toMatchObject({
    status: 404,
    code: "DASHBOARD_KPI_UNKNOWN",
  });
});

test("a revision or a difference of an account that is not there is refused, and so is an unknown site", async () => {
  const unknown = { status: 404, code: "DASHBOARD_ACCOUNT_UNKNOWN" };
  expect(await refusal("/api/v1/accounts/revisions?site=hall&start=0")).toMatchObject(unknown);
  expect(await refusal("/api/v1/accounts/difference?site=hall&start=0&before=1")).toMatchObject(unknown);
  expect(await refusal("/api/v1/accounts/revisions?site=nowhere&start=0")).toMatchObject({ status: 404 });
  expect(await refusal("/api/v1/accounts/difference?site=hall&start=0")).toMatchObject({ status: 400 });
  expect(await get("/api/v1/accounts?site=hall&knownAt=5")).toMatchObject({ status: 200 });
});

test("accounts are listed per step", async () => {
  expect(await get("/api/v1/accounts?site=hall&step=15m")).toMatchObject({ status: 200, body: { items: [] } });
  expect(await refusal("/api/v1/accounts?site=hall&step=2m")).toMatchObject({ status: 400, names: ["step"] });
});

test("a device tells who uses it, or that nobody does yet", async () => {
  await write("mix", start, { carbon_g_per_kwh: 480 });
  await write("wattlas", start, { broker_clients: 1 }, "system");
  const { body } = await get<ListWire<DeviceWire>>("/api/v1/devices");
  const nodes = Object.fromEntries(body.items.map(({ site, device, nodes }) => [`${site}/${device}`, nodes]));
  expect(nodes).toMatchObject({
    "hall/meter-1": ["grid"],
    "hall/mix": ["carbon"],
    "demo/r-900": [],
    "system/wattlas": ["system"],
  });
  expect(body.items.find(({ device }) => device === "mix")?.latest).toEqual({
    carbon_g_per_kwh: { value: 480, ts: start, unit: "g/kWh" },
  });
});

test("ingest gives counters, rates since the last restart and refusals by code", async () => {
  for (const [second, messages] of [
    [0, 900],
    [10, 100],
    [20, 300],
  ] as const)
    await write("wattlas", start + second * 1000, { collector_messages: messages }, "system");
  const letter = (key: string, code: string) => ({
    op: "put" as const,
    kind: "dead-letter",
    key,
    site: "hall",
    ts: timestamp(start),
    body: { topic: "dc/hall/x/telemetry", code, reason: "r", payload: "{", bytes: 1, user: "", received: start },
  });
  await stand.ledger.commit([letter("1", "COLLECTOR_PAYLOAD_NOT_JSON"), letter("2", "COLLECTOR_TS_INVALID")]);
  clock = start + 20_000;
  const { body } = await get<IngestWire>("/api/v1/ingest");
  expect(body).toMatchObject({
    ts: start + 20_000,
    rates: { messagesPerS: 20, readingsPerS: null },
    rejectedByCode: { COLLECTOR_PAYLOAD_NOT_JSON: 1, COLLECTOR_TS_INVALID: 1 },
  });
  await stand.ledger.commit([letter("3", "COLLECTOR_TS_INVALID")]);
  const again = await get<IngestWire>("/api/v1/ingest");
  expect(again.body.rejectedByCode).toMatchObject({ COLLECTOR_TS_INVALID: 2 });
  clock = start;
});

test("dead letters are found by code", async () => {
  const { body } = await get<ListWire<{ id: string }>>("/api/v1/dead-letters?code=COLLECTOR_TS_INVALID");
  expect(body.items.map(({ id }) => id)).toEqual(["3", "2"]);
});

test("rules in force are listed", async () => {
  expect(await get("/api/v1/rules")).toMatchObject({ status: 200, body: { items: [{ id: "R04" }] } });
});

test("an unknown address of the API is a problem, not a page", async () => {
  expect(await refusal("/api/v1/nothing")).toMatchObject({ status: 404, code: "DASHBOARD_ROUTE_UNKNOWN" });
});

test("nothing of this was an error of ours", () => {
  expect(stand.errors).toEqual([]);
});
