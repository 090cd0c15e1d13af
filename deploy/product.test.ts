import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import mqtt from "mqtt";
import { expect, test, vi } from "vitest";
import { runProduct, startProduct, temporaryFolder } from "./product.ts";
import { publishNumbers, readingsOf } from "./publisher.ts";

const run = promisify(execFile);

test("mosquitto_pub's reading is in the API as soon as it is acknowledged", async ({ skip }) => {
  skip(!existsSync("/usr/bin/mosquitto_pub"), "mosquitto_pub is not installed: WATTLAS_INSTALL=1 npm test installs it");
  await using folder = await temporaryFolder();
  await using product = await startProduct(folder.path);
  const port = new URL(product.mqttUrl).port;
  await run("/usr/bin/mosquitto_pub", [
    "-p",
    port,
    "-t",
    "dc/demo/r-900/telemetry",
    "-q",
    "1",
    "-m",
    '{"power_w":4200}',
  ]);
  expect(await readingsOf(product, "demo", "r-900")).toMatchObject([{ quantities: { power_w: 4200 } }]);
  expect(await product.end("SIGTERM")).toBe(0);
});

test("kill -9 and restart lose nothing that was acknowledged, and count nothing twice", async () => {
  await using folder = await temporaryFolder();
  const acknowledged: number[] = [];
  for (const [round, killAfter] of [300, 120, 700].entries()) {
    await using product = await startProduct(folder.path);
    const client = await mqtt.connectAsync(product.mqttUrl, { reconnectPeriod: 0 });
    const publisher = publishNumbers(client, "r-1", round * 1_000_000);
    await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(killAfter / 10), {
      timeout: 60_000,
      interval: 5,
    });
    await product.end("SIGKILL");
    await publisher.stop();
    acknowledged.push(...publisher.acknowledged);
  }
  await using product = await startProduct(folder.path);
  const stored = (await readingsOf(product, "demo", "r-1")).map(({ quantities }) => quantities.power_w);
  const seen = new Set(stored);
  expect(acknowledged.filter((number) => !seen.has(number))).toEqual([]);
  expect(stored.length).toBe(seen.size);
  await product.end("SIGTERM");
});

test("faults of settings, sites, mappings and rules are all said at once, with place, and nothing starts", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  for (const name of ["sites", "mappings", "rules"]) await mkdir(at(name));
  await writeFile(at("sites/hall.yaml"), "site: hall\ntime_zone: Mars/Base\nnodes: []\n");
  await writeFile(at("mappings/meter.yaml"), "topic: 5\n");
  await writeFile(at("rules/r99.yaml"), "id: R99\n");
  const dirs = { ENERGY_SITES_DIR: at("sites"), COLLECTOR_MAPPINGS_DIR: at("mappings"), RULES_DIR: at("rules") };
  for (const args of [["--check"], []]) {
    const { code, output } = await runProduct(folder.path, dirs, args);
    expect(code).toBe(1);
    expect(output).toMatch(/hall\.yaml:2:\d+: .*Mars\/Base/);
    expect(output).toMatch(/meter\.yaml:1:\d+: /);
    expect(output).toMatch(/r99\.yaml:1:\d+: /);
    expect(output).toMatch(/nothing was started/);
  }
  const settings = await runProduct(folder.path, { BROKER_PORT: "no", COLLECTOR_SPEED: "9" }, ["--check"]);
  expect(settings).toMatchObject({ code: 1, output: expect.stringMatching(/BROKER_PORT[\s\S]*COLLECTOR_SPEED/) });
});

test("--check is content with what is shipped", async () => {
  await using folder = await temporaryFolder();
  expect(await runProduct(folder.path, { DEPLOY_DEMO: "on" }, ["--check"])).toMatchObject({ code: 0 });
});

test("a port in use is one sentence with the port and its setting", async () => {
  await using folder = await temporaryFolder();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = String(typeof address === "object" ? address?.port : 0);
  for (const setting of ["BROKER_PORT", "DASHBOARD_PORT"]) {
    const { code, output } = await runProduct(folder.path, { [setting]: port });
    expect(code).toBe(1);
    expect(output.trim().split("\n")).toEqual([expect.stringMatching(new RegExp(`${port}.*${setting}`))]);
  }
  taken.close();
});

test("a corrupt database is named and left as it is", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "readings.db");
  const garbage = Buffer.alloc(8192, "not a database ");
  await writeFile(file, garbage);
  const { code, output } = await runProduct(folder.path);
  expect(code).toBe(1);
  expect(output).toContain("readings.db");
  expect(await readFile(file)).toEqual(garbage);
});

test("a second process on the same folder is refused", async () => {
  await using folder = await temporaryFolder();
  await using product = await startProduct(folder.path);
  const second = await runProduct(folder.path);
  expect(second.code).toBe(1);
  expect(second.output).toContain(folder.path);
  await product.end("SIGTERM");
});
