import { expect, test } from "vitest";
import { timestamp } from "#store";
import { startStand } from "./fake.ts";

const scrape = async (url: string) => {
  const response = await fetch(`${url}/metrics`);
  return { type: response.headers.get("content-type"), text: await response.text() };
};

test("the product's own figures are counters and gauges in OpenMetrics", async () => {
  await using stand = await startStand();
  const ts = timestamp(Date.now());
  const health = { site: "system", device: "wattlas", received: ts, flags: [] };
  await stand.readings.write([
    { ...health, ts, quantities: { broker_messages: 120, broker_clients: 3, odd_thing: 7 } },
  ]);
  await scrape(stand.url);
  const { type, text } = await scrape(stand.url);
  expect(type).toContain("application/openmetrics-text");
  expect(text).toContain("# TYPE wattlas_broker_messages counter");
  expect(text).toContain('wattlas_broker_messages_total{device="wattlas"} 120');
  expect(text).toContain('wattlas_broker_clients{device="wattlas"} 3');
  expect(text).toContain('wattlas_odd_thing{device="wattlas"} 7');
  expect(text).toContain('wattlas_info{version="0.1.0"} 1');
  expect(text).toMatch(/wattlas_http_request_duration_seconds_count\{method="GET",route="\/metrics",status="200"\} 1/);
  expect(text.trimEnd().endsWith("# EOF")).toBe(true);
});

test("two servers in one process keep their figures apart", async () => {
  await using one = await startStand();
  await using other = await startStand();
  await fetch(`${one.url}/api/v1/sites`);
  expect((await scrape(one.url)).text).toContain('route="/api/v1/sites"');
  expect((await scrape(other.url)).text).not.toContain('route="/api/v1/sites"');
});
