import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parseTopic } from "#broker";
import type { Reading } from "#store";
import { check, createReceiveClock } from "./check.ts";
import { createDialects } from "./decoders/dialects.ts";
import { loadMappings } from "./mappings.ts";

// Golden cases: adding one is adding a folder. `cases/NOTICE.md` says where each comes from.
const folder = join(import.meta.dirname, "cases");
const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
let decode: ReturnType<typeof createDialects>;

beforeAll(async () => {
  const { mappings, faults } = await loadMappings(undefined);
  expect(faults).toEqual([]);
  decode = createDialects(mappings);
});

interface CaseIn {
  readonly topic: string;
  readonly payload: string;
  readonly received: number;
}

const run = (name: string): { readings: readonly Reading[]; errors: readonly string[] } => {
  const source = JSON.parse(readFileSync(join(folder, name, "in.json"), "utf8")) as CaseIn;
  const parsed = parseTopic(source.topic);
  const message = {
    topic: source.topic,
    address: parsed.ok ? parsed.address : null,
    payload: new TextEncoder().encode(source.payload),
    qos: 1 as const,
    retain: false,
    identity: { user: "u", role: "gateway" as const, site: null, device: null, clientId: "c", loopback: true },
    received: source.received,
  };
  const decoded = decode(message, "main");
  const clock = createReceiveClock();
  const bounds = {
    received: source.received,
    aheadMs: 3_600_000,
    mayNot: () => null,
    clock,
  };
  const checked = decoded.readings.map((candidate) => check(candidate, bounds));
  const rejected = [...decoded.rejected, ...checked.flatMap((result) => result.rejected)];
  return {
    readings: checked.flatMap((result) => (result.reading === null ? [] : [result.reading])),
    errors: rejected.map(({ code, reason }) => `${code}: ${reason}`),
  };
};

const expected = (name: string, file: string): string | null => {
  try {
    return readFileSync(join(folder, name, file), "utf8");
  } catch {
    return null;
  }
};

test.each(names)("%s", (name) => {
  const { readings, errors } = run(name);
  expect(readings).toEqual(JSON.parse(expected(name, "out.json") ?? "[]"));
  expect(errors.join("\n")).toBe((expected(name, "error.txt") ?? "").trim());
  expect(expected(name, "out.json") ?? expected(name, "error.txt"), "a case expects something").not.toBeNull();
});

const quantitiesOf = (name: string): Readonly<Record<string, number>> => run(name).readings[0]?.quantities ?? {};
const sum = (quantities: Readonly<Record<string, number>>, ...keys: readonly string[]): number =>
  keys.reduce((total, key) => total + (quantities[key] ?? Number.NaN), 0);

test("the phase energies of the Pro 3EM fixture sum to its total within a hundredth of a watt-hour", () => {
  const energy = quantitiesOf("shelly-gen2-pro-3em-emdata");
  const imported = sum(energy, "energy_import_l1_wh", "energy_import_l2_wh", "energy_import_l3_wh");
  expect(imported).toBeCloseTo(2589773.4, 6);
  expect(energy.energy_import_wh).toBe(2589773.39);
  const exported = sum(energy, "energy_export_l1_wh", "energy_export_l2_wh", "energy_export_l3_wh");
  expect(exported).toBeCloseTo(energy.energy_export_wh ?? Number.NaN, 6);
});

test("the phase powers of the Pro 3EM fixture sum to its total within the rounding of its phases", () => {
  const power = quantitiesOf("shelly-gen2-pro-3em-em");
  expect(Math.abs(sum(power, "power_l1_w", "power_l2_w", "power_l3_w") - sum(power, "power_w"))).toBeLessThan(0.15);
});

test("the published phase powers 2403.7, 409.1 and 235.3 W come out as they went in, 4 mW from the total of 3048.104 W", () => {
  const payload = { a_act_power: 2403.7, b_act_power: 409.1, c_act_power: 235.3, total_act_power: 3048.104 };
  const decoded = decode(
    {
      topic: "meter-1/status/em:0",
      address: null,
      payload: new TextEncoder().encode(JSON.stringify(payload)),
      qos: 0,
      retain: false,
      identity: { user: "u", role: "device", site: null, device: null, clientId: "c", loopback: true },
      received: 1795219200000,
    },
    "main",
  );
  const values = Object.fromEntries(decoded.readings[0]?.values ?? []) as Record<string, number>;
  expect(sum(values, "power_l1_w", "power_l2_w", "power_l3_w")).toBeCloseTo(3048.1, 6);
  expect(values.power_w).toBe(3048.104);
});
