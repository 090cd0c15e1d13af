import { expect, test } from "vitest";
import { influxdIsThere } from "../../store/influx/influxd.ts";
import { measureAway } from "./away.ts";

test("InfluxDB killed and away under load: everything acknowledged is in it once afterwards", {
  timeout: 480_000,
}, async ({ skip }) => {
  skip(!influxdIsThere(), "influxd is not installed: WATTLAS_INSTALL=1 npm test installs it");
  const { audit, backlog, acknowledged, barePerS } = await measureAway({
    estate: { sites: 1, racks: 20 },
    connections: 4,
    rate: 300,
    awayS: 2,
    bareLines: 1000,
  });
  expect(audit).toMatchObject({ lost: 0, duplicates: 0, invented: 0, superseded: 0, miscounted: 0 });
  expect(backlog).toBeGreaterThan(0);
  expect(acknowledged).toBeGreaterThan(0);
  expect(barePerS).toBeGreaterThan(0);
});
