import mqtt from "mqtt";
import { afterEach, expect, test, vi } from "vitest";
import { loadMappings } from "#collector";
import { parseSite } from "#energy";
import { parseSettings } from "./settings.ts";
import { startWattlas, type Wattlas } from "./wattlas.ts";

const siteFile = `
site: hall
name: { en: Hall, zh-CN: 机房 }
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 100000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC.IMP, device: grid-1, energy_forward: energy_import_wh, interval_s: 10 }] }
  - { id: racks, kind: it, points: [{ code: MP.PDU.OUT.1, device: r-1, energy_forward: energy_import_wh, interval_s: 10 }] }
  - { id: cooling, kind: cooling, points: [{ code: MP.COOL.1, device: cool-1, energy_forward: energy_import_wh, interval_s: 10 }] }
`;

let running: { wattlas: Wattlas; client: mqtt.MqttClient } | null = null;
afterEach(async () => {
  await running?.client.endAsync(true);
  await running?.wattlas[Symbol.asyncDispose]();
  running = null;
});

const start = async () => {
  const parsed = parseSettings({ STORE_URL: "memory:", BROKER_PORT: "0", BROKER_WS_PORT: "0", DASHBOARD_PORT: "0" });
  const site = parseSite(siteFile, "hall.yaml");
  if (!parsed.ok || !site.ok) throw new Error(JSON.stringify([parsed, site]));
  const { mappings } = await loadMappings(undefined);
  const errors: unknown[] = [];
  const wattlas = await startWattlas(parsed.settings, {
    sites: [site.site],
    mappings,
    demo: "off",
    onError: (error) => errors.push(error),
  });
  const client = await mqtt.connectAsync(`mqtt://${wattlas.mqtt?.host}:${wattlas.mqtt?.port}`);
  running = { wattlas, client };
  const get = async (path: string) => (await fetch(`${wattlas.url}${path}`)).json() as Promise<Record<string, unknown>>;
  return { client, wattlas, get, errors };
};

test("a reading goes in as MQTT and comes out as account, alert and live event", async () => {
  const { client, wattlas, get, errors } = await start();
  const live = new AbortController();
  const events: string[] = [];
  const stream = await fetch(`${wattlas.url}/api/v1/live?site=hall`, { signal: live.signal });
  const reading = (async () => {
    for await (const chunk of stream.body ?? []) events.push(new TextDecoder().decode(chunk));
  })().catch(() => undefined);

  // Twenty minutes of history in which the grid meter sees 8 kW that nobody consumes.
  const end = Math.floor(Date.now() / 60_000) * 60_000;
  const topic = (device: string) => `dc/hall/${device}/telemetry`;
  for (let minute = 20; minute >= 0; minute--) {
    const ts = end - minute * 60_000;
    const wh = (watts: number) => 1_000_000 + ((20 - minute) * watts) / 60;
    const power = { "grid-1": 38_000, "r-1": 24_000, "cool-1": 6000 };
    for (const [device, watts] of Object.entries(power)) {
      await client.publishAsync(topic(device), JSON.stringify({ ts, power_w: watts, energy_import_wh: wh(watts) }), {
        qos: 1,
      });
    }
  }
  await client.publishAsync(topic("r-1"), JSON.stringify({ power_w: 24_100 }), { qos: 1 });

  const stored = await get(`/api/v1/readings?site=hall&device=r-1&from=${end}&to=${end + 1}&limit=10`);
  expect(stored).toMatchObject({ items: [{ device: "r-1", quantities: { power_w: 24_000 } }] });

  await vi.waitFor(
    async () => {
      const alerts = await get("/api/v1/alerts?site=hall&rule=R01&limit=10");
      expect(alerts.items).toMatchObject([{ rule: "R01", site: "hall" }]);
    },
    { timeout: 60_000, interval: 100 },
  );
  const accounts = await get(`/api/v1/accounts?site=hall&step=1m&from=${end - 600_000}&to=${end - 540_000}&limit=10`);
  expect(accounts).toMatchObject({ items: [{ site: "hall", balance: { residualW: expect.closeTo(8000, 0) } }] });
  const kpis = await get(`/api/v1/kpis?site=hall&kpi=pue&from=${end - 900_000}&to=${end}`);
  expect(kpis).toMatchObject({ items: [{ kpi: "pue", value: expect.closeTo(38 / 24, 3) }] });

  await vi.waitFor(() => expect(events.join("")).toMatch(/event: alert[\s\S]*R01|R01[\s\S]*event: alert/), {
    timeout: 60_000,
    interval: 100,
  });
  live.abort();
  await reading;
  expect(errors).toEqual([]);
});

test("what is wrong with a message is listed with its reason and the broker goes on", async () => {
  const { client, get } = await start();
  await client.publishAsync("dc/hall/r-1/telemetry", "not json", { qos: 1 });
  await client.publishAsync("dc/hall/r-1/telemetry", '{"power_w":"many","inlet_c":24}', { qos: 1 });
  const letters = await get("/api/v1/dead-letters?limit=10");
  const codes = (letters.items as { code: string }[]).map(({ code }) => code).sort();
  expect(codes).toEqual(["COLLECTOR_PAYLOAD_NOT_JSON", "COLLECTOR_VALUE_NOT_NUMBER"]);
  const devices = await get("/api/v1/devices?site=hall");
  expect(devices.items).toMatchObject([{ device: "r-1", quantities: ["inlet_c"] }]);
});
