import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { documentSettings, parseSettings } from "./settings.ts";

const faultsOf = (env: Record<string, string>): readonly string[] => {
  const parsed = parseSettings(env);
  return parsed.ok ? [] : parsed.faults.map(({ name, message }) => `${name}: ${message}`);
};

test("an empty environment gives the documented defaults", () => {
  const parsed = parseSettings({});
  expect(parsed.ok && parsed.settings.broker.BROKER_PORT).toBe(1883);
  expect(parsed.ok && parsed.settings.store.STORE_URL).toBe("sqlite:");
  expect(parsed.ok && parsed.settings.deploy.PARTS).toContain("dashboard");
});

test("faults of all stages are reported together, each with its setting", () => {
  const faults = faultsOf({
    BROKER_PORT: "99999",
    STORE_URL: "postgres://x",
    PARTS: "broker,cellar",
    RULES_TICK_MS: "0",
  });
  expect(faults.map((fault) => fault.split(":")[0])).toEqual(["PARTS", "STORE_URL", "BROKER_PORT", "RULES_TICK_MS"]);
});

test("an unknown variable with a stage's prefix is a fault, others are not ours", () => {
  expect(faultsOf({ BROKER_PROT: "1883" })).toEqual([
    "BROKER_PROT: no such setting: see deploy/settings.env for the list",
  ]);
  expect(faultsOf({ HOME: "/home/x", EDITOR: "vi" })).toEqual([]);
});

test("the offending value is quoted", () => {
  expect(faultsOf({ DASHBOARD_PORT: "http" })[0]).toContain('got "http"');
});

test("settings.env lists every setting with its default and its meaning", () => {
  const file = readFileSync(new URL("./settings.env", import.meta.url), "utf8");
  for (const { name, fallback, meaning } of documentSettings()) {
    expect(meaning, `${name} has a meaning`).not.toBe("");
    expect(file).toContain(`# ${meaning}\n#${name}=${fallback}\n`);
  }
});

test("a collector without any broker is a fault, and so is another broker without a collector", () => {
  const parts = "collector,energy,rules,dashboard";
  expect(faultsOf({ PARTS: parts })).toEqual([expect.stringMatching(/^PARTS: .*COLLECTOR_BROKER_URL/)]);
  expect(faultsOf({ PARTS: parts, COLLECTOR_BROKER_URL: "mqtt://broker.example" })).toEqual([]);
  expect(faultsOf({ PARTS: "broker", COLLECTOR_BROKER_URL: "mqtt://broker.example" })).toHaveLength(1);
});

test("every colliding setting of one stage is named", () => {
  expect(faultsOf({ COLLECTOR_SHARD: "1/2", COLLECTOR_TOPICS: "dc/#" })).toHaveLength(2);
});
