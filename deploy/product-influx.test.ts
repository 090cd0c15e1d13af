import mqtt from "mqtt";
import { expect, test, vi } from "vitest";
import { influxdIsThere, startInfluxd } from "../store/influx/influxd.ts";
import { startProduct, temporaryFolder } from "./product.ts";
import { publishNumbers, readingsOf } from "./publisher.ts";

test("with a real InfluxDB, up or down, kill -9 loses nothing that was acknowledged", async ({ skip }) => {
  skip(!influxdIsThere(), "influxd is not installed: WATTLAS_INSTALL=1 npm test installs it");
  await using folder = await temporaryFolder();
  await using influxd = await startInfluxd();
  const settings = { STORE_URL: influxd.url("wattlas") };
  const acknowledged: number[] = [];
  const round = async (from: number) => {
    await using product = await startProduct(folder.path, settings);
    const client = await mqtt.connectAsync(product.mqttUrl, { reconnectPeriod: 0 });
    const publisher = publishNumbers(client, "r-1", from);
    await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(40), { timeout: 60_000, interval: 5 });
    await product.end("SIGKILL");
    await publisher.stop();
    acknowledged.push(...publisher.acknowledged);
  };
  await round(0);
  await influxd.stop("SIGKILL");
  await round(1_000_000);

  await using product = await startProduct(folder.path, settings);
  const stored = async () =>
    new Set((await readingsOf(product, "demo", "r-1")).map(({ quantities }) => quantities.power_w));
  const client = await mqtt.connectAsync(product.mqttUrl);
  await client.publishAsync("dc/demo/r-900/telemetry", '{"power_w":4200}', { qos: 1 });
  expect(await readingsOf(product, "demo", "r-900"), "acknowledged while InfluxDB is away, and readable").toMatchObject(
    [{ quantities: { power_w: 4200 } }],
  );
  await vi.waitFor(
    async () =>
      expect(await (await fetch(`${product.url}/api/v1/health`)).json()).toMatchObject({
        store: { state: "unreachable" },
      }),
    { timeout: 60_000, interval: 50 },
  );

  await influxd.start();
  await vi.waitFor(
    async () => {
      const seen = await stored();
      expect(acknowledged.filter((number) => !seen.has(number))).toEqual([]);
    },
    { timeout: 120_000, interval: 250 },
  );
  const readings = await readingsOf(product, "demo", "r-1");
  expect(readings.length).toBe(new Set(readings.map(({ ts }) => ts)).size);
  await client.endAsync(true);
  await product.end("SIGTERM");
});
