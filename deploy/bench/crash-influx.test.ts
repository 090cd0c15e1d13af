import { expect, test } from "vitest";
import { influxdIsThere } from "../../store/influx/influxd.ts";
import { temporaryFolder } from "../product.ts";
import { crashAudit } from "./crash-audit.ts";
import { startInfluxHarm } from "./crash-influx.ts";

test("with InfluxDB, both killed under load: acknowledged numbers are there once, those of QoS 0 at most once", {
  timeout: 480_000,
}, async ({ skip }) => {
  skip(!influxdIsThere(), "influxd is not installed: WATTLAS_INSTALL=1 npm test installs it");
  await using folder = await temporaryFolder();
  // Rounds: the server lives; it dies halfway and stays away; it dies at once and is back (the last one in QoS 0).
  const chances = [0.9, 0.1, 0.5, 0.1, 0.1, 0.1, 0.9];
  await using influx = await startInfluxHarm(() => chances.shift() ?? 0.9);
  const moments = [0.3, 0.9, 0.5];
  const result = await crashAudit({
    folder: folder.path,
    rounds: moments.length,
    rate: 500,
    killFrom: "first stored",
    killBetweenMs: [300, 1200],
    random: () => moments.shift() ?? 0,
    settings: { STORE_URL: influx.url },
    qos: (round) => (round === 2 ? 0 : 1),
    harm: influx.harm,
    settle: influx.settle,
  });
  expect(result).toMatchObject({ rounds: 3, lost: 0, duplicates: 0, invented: 0, miscounted: 0 });
  expect(influx.kills()).toBe(2);
  expect(result.acknowledged).toBeGreaterThan(0);
  expect(result.readBack).toBeGreaterThanOrEqual(result.acknowledged);
});
