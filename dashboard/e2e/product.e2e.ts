// The screens against the real product, with its demonstration site and a device of our own.
import { readFile } from "node:fs/promises";
import mqtt from "mqtt";
import { expect, test } from "vitest";
import { parseSite } from "#energy";
import type { HealthWire } from "../server/wire.ts";
import { findBarriers } from "./browser.ts";
import { useProduct } from "./visit.ts";

const { show, product } = useProduct();

test("the Operations page shows live flow and a PUE between 1 and 2", async () => {
  const { page, faults } = await show("/");
  const tile = page.locator(".tile", { hasText: "PUE (interval)" }).locator(".number");
  await expect
    .poll(async () => Number.parseFloat((await tile.innerText()).replace("≈", "")), { timeout: 180_000 })
    .toSatisfy((pue: number) => pue > 1 && pue < 2);
  await page.getByText("Balance closed").waitFor();
  await expect.poll(() => page.locator(".flow li.unit").count()).toBeGreaterThanOrEqual(4);
  expect(faults).toEqual([]);
  expect(await findBarriers(page)).toEqual([]);
});

test("compute per watt has a trend over seven days", async () => {
  const { page, faults } = await show("/efficiency?from=now-7d");
  await page.locator(".u-over").nth(2).waitFor();
  await expect.poll(() => page.locator("main").innerText()).toMatch(/IT boundary\s+[\d.,]+/);
  expect(faults).toEqual([]);
});

test("the history has at least one alert, and it opens", async () => {
  const { page, faults } = await show("/alerts?view=history", { locale: "zh-CN" });
  const row = page.locator("tbody tr button.title").first();
  await row.waitFor();
  await row.click();
  await page.getByRole("heading", { name: "时间线" }).waitFor();
  expect(faults).toEqual([]);
});

test("a reading that is published is on the Ingest page, and nonsense is among the dead letters", async () => {
  const health = (await (await fetch(`${product().url}/api/v1/health`)).json()) as HealthWire;
  const client = await mqtt.connectAsync(`mqtt://${health.mqtt?.host}:${health.mqtt?.port}`);
  await client.publishAsync("dc/demo/r-900/telemetry", JSON.stringify({ power_w: 4200 }), { qos: 1 });
  await client.publishAsync("dc/demo/r-900/telemetry", "power=4200", { qos: 1 });
  await client.endAsync();
  const { page, faults } = await show("/ingest");
  const row = page.locator(".devices tr", { hasText: "r-900" });
  await row.waitFor();
  await expect.poll(() => row.innerText()).toMatch(/4\.20 kW/);
  await expect.poll(() => row.innerText()).toContain("not yet modelled");
  await page.locator(".letters", { hasText: "COLLECTOR_PAYLOAD_NOT_JSON" }).waitFor();
  expect(faults).toEqual([]);
});

test("a device that no model knows gives a site file that has no faults", async () => {
  const client = await mqtt.connectAsync(product().mqttUrl);
  await client.publishAsync("dc/lab/pcc-1/telemetry", '{"power_w":4200,"energy_import_wh":1}', { qos: 1 });
  await client.endAsync();
  const { page } = await show("/ingest");
  const waiting = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download lab.yaml" }).click();
  const download = await waiting;
  expect(download.suggestedFilename()).toBe("lab.yaml");
  const text = await readFile(await download.path(), "utf8");
  expect(parseSite(text, "lab.yaml")).toMatchObject({ ok: true, site: { id: "lab" } });
});
