import { expect, test } from "vitest";
import { dashboardSchema } from "./config.ts";
import { startStand } from "./fake.ts";

const faults = (env: Record<string, string>): readonly string[] => {
  const parsed = dashboardSchema.safeParse(env);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
};

test("the defaults listen on this machine only", () => {
  expect(dashboardSchema.parse({})).toMatchObject({
    DASHBOARD_HOST: "127.0.0.1",
    DASHBOARD_PORT: 8080,
    DASHBOARD_EXPOSE: "loopback",
    DASHBOARD_LIVE_BACKFILL_MS: 600_000,
  });
});

test("another address needs to be wanted, because there is no login", () => {
  expect(faults({ DASHBOARD_HOST: "0.0.0.0" })).toEqual([expect.stringContaining("DASHBOARD_EXPOSE=read-only")]);
  expect(faults({ DASHBOARD_HOST: "0.0.0.0", DASHBOARD_EXPOSE: "read-only" })).toEqual([]);
  expect(faults({ DASHBOARD_HOST: "::1" })).toEqual([]);
});

test("every faulty setting is told", () => {
  expect(faults({ DASHBOARD_PORT: "http", DASHBOARD_EXPOSE: "all", DASHBOARD_COLOUR: "red" })).toHaveLength(3);
});

test("a port in use is one sentence that names port and setting", async () => {
  await using stand = await startStand();
  const { port } = stand.dashboard.address;
  await expect(startStand({ env: { DASHBOARD_PORT: String(port) } })).rejects.toThrow(
    `port ${port} on 127.0.0.1 is in use: stop what uses it or set DASHBOARD_PORT to another`,
  );
});

test("an address of another machine is one sentence that names the setting", async () => {
  // 192.0.2.0/24 is nobody's (RFC 5737).
  await expect(startStand({ env: { DASHBOARD_HOST: "192.0.2.1", DASHBOARD_EXPOSE: "read-only" } })).rejects.toThrow(
    "set DASHBOARD_HOST",
  );
});
