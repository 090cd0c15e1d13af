// npm run bench:screen -- --values 40
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { launchBrowser, openScreen } from "../../dashboard/e2e/browser.ts";
import { openCommand } from "../command.ts";
import { startProduct, temporaryFolder } from "../product.ts";

const run = promisify(execFile);
const usage = `usage: npm run bench:screen -- [--values 40]
  From mosquitto_pub to pixels: publishes values with Mosquitto's own client and waits until a real browser shows them.`;

const { values, refuse } = openCommand({ usage, options: { values: { type: "string", default: "40" } } });
if (!(Number(values.values) > 0)) refuse(`--values must be a number above 0, got "${values.values}"`);
const count = Math.min(500, Math.max(5, Number(values.values)));
const site = `site: hall
name: { en: Hall, zh-CN: 机房 }
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 100000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC.IMP, device: grid-1 }] }
  - { id: racks, kind: it, name: { en: Racks, zh-CN: 机柜 }, points: [{ code: MP.PDU.OUT.1, device: r-1 }] }
`;

await using folder = await temporaryFolder();
const sites = join(folder.path, "sites");
await mkdir(sites);
await writeFile(join(sites, "hall.yaml"), site);
const product = await startProduct(folder.path, { ENERGY_SITES_DIR: sites });
const port = new URL(product.mqttUrl).port;
const publish = (watts: number) =>
  run("mosquitto_pub", ["-p", port, "-t", "dc/hall/r-1/telemetry", "-q", "1", "-m", `{"power_w":${watts}}`]);

const browser = await launchBrowser();
const tookMs: number[] = [];
try {
  const { page } = await openScreen(browser, { width: 1440, height: 900, locale: "en", scheme: "light" });
  await publish(5000);
  await page.goto(`${product.url}/?site=hall`);
  await page.getByText("5.00").first().waitFor();
  for (let index = 0; index < count; index++) {
    // Not in step with the one-second frames of the live stream.
    await wait(137 + ((index * 311) % 900));
    const watts = 10_000 + index * 100;
    const shown = page
      .getByText((watts / 1000).toFixed(1))
      .first()
      .waitFor({ timeout: 20_000 });
    const started = performance.now();
    await publish(watts);
    await shown;
    tookMs.push(performance.now() - started);
  }
} finally {
  await browser.close();
  await product.end("SIGTERM");
}
tookMs.sort((a, b) => a - b);
const quantile = (share: number) =>
  Math.round(tookMs[Math.min(tookMs.length - 1, Math.floor(share * tookMs.length))] ?? 0);
process.stdout.write(
  `${JSON.stringify({ bench: "screen", values: count, p50Ms: quantile(0.5), p95Ms: quantile(0.95), maxMs: quantile(1) })}\n`,
);
