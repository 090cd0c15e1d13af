// npm run simulate -- --sites 2 --racks 400 --every-s 10 --for-s 60
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import mqtt from "mqtt";
import { openCommand } from "./command.ts";
import { simulatedReading, simulatedSite } from "./estate.ts";

const usage = `usage: npm run simulate -- [--sites 1] [--racks 400] [--every-s 10] [--for-s 60] [--url mqtt://127.0.0.1:1883] [--write-sites <folder>]
  A synthetic estate of any size over MQTT, and the site files that model it.`;

const { values, refuse } = openCommand({
  usage,
  options: {
    url: { type: "string", default: "mqtt://127.0.0.1:1883" },
    sites: { type: "string", default: "1" },
    racks: { type: "string", default: "400" },
    "every-s": { type: "string", default: "10" },
    "for-s": { type: "string", default: "60" },
    "write-sites": { type: "string" },
  },
});
const whole = (name: string, text: string): number => {
  const value = Number(text);
  return Number.isInteger(value) && value > 0
    ? value
    : refuse(`--${name} must be a whole number above 0, got "${text}"`);
};
const siteCount = whole("sites", values.sites);
const racks = whole("racks", values.racks);
const everyMs = whole("every-s", values["every-s"]) * 1000;
const untilMs = Date.now() + whole("for-s", values["for-s"]) * 1000;
const sites = Array.from({ length: siteCount }, (_, index) => `sim-${index + 1}`);

if (values["write-sites"]) {
  await mkdir(values["write-sites"], { recursive: true });
  for (const site of sites)
    await writeFile(join(values["write-sites"], `${site}.yaml`), simulatedSite(site, racks, everyMs / 1000));
  process.stdout.write(
    `wrote ${siteCount} site files to ${values["write-sites"]}: set ENERGY_SITES_DIR and start Wattlas\n`,
  );
}

const client = await mqtt
  .connectAsync(values.url, { clientId: `simulate-${process.pid}`, reconnectPeriod: 0 })
  .catch((error: NodeJS.ErrnoException) => {
    process.stderr.write(`simulate: no broker answers at ${values.url} (${error.code}): start Wattlas or set --url\n`);
    process.exit(1);
  });
let sent = 0;
while (Date.now() < untilMs) {
  const started = Date.now();
  const ts = Math.floor(started / 1000) * 1000;
  for (const site of sites) {
    const devices = simulatedReading(ts, racks);
    await Promise.all(
      Object.entries(devices).map(([device, quantities]) =>
        client.publishAsync(`dc/${site}/${device}/telemetry`, JSON.stringify({ ts, ...quantities }), { qos: 1 }),
      ),
    );
    sent += Object.keys(devices).length;
  }
  process.stdout.write(`\r${sent} messages acknowledged, round took ${Date.now() - started} ms   `);
  await wait(Math.max(0, Math.min(everyMs - (Date.now() - started), untilMs - Date.now())));
}
process.stdout.write("\n");
await client.endAsync();
