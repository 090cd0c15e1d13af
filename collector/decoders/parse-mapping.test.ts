import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check, createReceiveClock } from "../check.ts";
import { createMappingDecoder } from "./mapping.ts";
import { parseMapping } from "./parse-mapping.ts";

const folder = join(import.meta.dirname, "../mappings/cases");
const files = readdirSync(folder);
const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");

describe("files that must load", () => {
  test.each(files.filter((file) => file.endsWith(".good.yaml")))("%s", (file) => {
    expect(parseMapping(textOf(file), file)).toMatchObject({ ok: true });
  });
});

describe("files that must not load, with the faults of their first line", () => {
  test.each(files.filter((file) => file.endsWith(".bad.yaml")))("%s", (file) => {
    const text = textOf(file);
    const expected = (text.split("\n")[0] ?? "").slice(2).split(" | ");
    const result = parseMapping(text, file);
    const shown = result.ok ? [] : result.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
    expect(shown).toEqual(expected);
  });
});

test("any text is a mapping or has faults with places, and never throws", () => {
  const lines = fc.constantFrom(
    "topic: a/{b}",
    "device: '{b}'",
    "fields:",
    "  P: power_w",
    "rules:",
    "  - when: {a: b}",
    "ts: 3",
    "{",
    "]",
    "each: [a]",
    "site: {a: 1}",
    "? x",
    "&a *a",
    "!!set {a}",
    "keep_unknown: yes",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(lines).map((all) => all.join("\n")),
      ),
      (text) => {
        const result = parseMapping(text, "x.yaml");
        if (result.ok) return;
        expect(result.faults.length).toBeGreaterThan(0);
        for (const { line, column } of result.faults) expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
      },
    ),
  );
});

const run = (file: string, topic: string, payload: unknown) => {
  const result = parseMapping(textOf(file), file);
  if (!result.ok) throw new Error("the file must load");
  const decoder = createMappingDecoder(result.mapping);
  const levels = topic.split("/");
  if (!decoder.matches({ address: null, levels })) return "no match";
  const bytes = new TextEncoder().encode(JSON.stringify(payload));
  const received = Date.UTC(2026, 10, 21);
  const decoded = decoder.decode({ topic, address: null, levels, payload: bytes, received, site: "main" });
  const bounds = { received, aheadMs: 0, mayNot: () => null, clock: createReceiveClock() };
  const checked = decoded.readings.map((candidate) => check(candidate, bounds));
  return {
    readings: checked.map(({ reading }) => reading),
    codes: [...decoded.rejected, ...checked.flatMap(({ rejected }) => rejected)].map(({ code }) => code),
  };
};

test("paths, scales, units, states and unknown fields come out in our names and units", () => {
  const measured = {
    P: "1.5",
    T: 650,
    TF: 50,
    energy: { total: 2.5 },
    "odd.key": [231.5],
    state: "running",
    "Fan A": 1200,
    note: "text",
    power_factor: 0.9,
  };
  const result = run("plant.good.yaml", "plant/h1/m7/data", { time: "2026-11-20T23:59:50+00:00", measured });
  expect(result).toMatchObject({
    codes: [],
    readings: [{ site: "h1", device: "m7", ts: Date.UTC(2026, 10, 20, 23, 59, 50), flags: ["QUANTITY_UNKNOWN"] }],
  });
  const quantities = typeof result === "string" ? undefined : result.readings[0]?.quantities;
  expect(quantities?.outdoor_c).toBeCloseTo(10, 9);
  expect({ ...quantities, outdoor_c: 10 }).toEqual({
    power_w: 1500,
    inlet_c: 25,
    outdoor_c: 10,
    energy_import_wh: 2_500_000,
    voltage_v: 231.5,
    switch_on: 1,
    plc_fan_a: 1200,
    power_factor: 0.9,
  });
});

test("a time without a zone is refused, because it could be anybody's", () => {
  const result = run("plant.good.yaml", "plant/h1/m7/data", { time: "2026-11-20T23:59:50", measured: { P: 1 } });
  expect(result).toMatchObject({ codes: ["COLLECTOR_TS_INVALID"] });
});

test("a declared field with text in it is refused, its neighbours are kept", () => {
  const result = run("plant.good.yaml", "plant/h1/m7/data", { measured: { P: "off", T: 650 } });
  expect(result).toMatchObject({ codes: ["COLLECTOR_VALUE_NOT_NUMBER"], readings: [{ quantities: { inlet_c: 25 } }] });
});

test("a bare number is a payload", () => {
  expect(run("bare.good.yaml", "home/tv/power", 42.5)).toMatchObject({
    readings: [{ site: "main", device: "tv", quantities: { power_w: 42.5 } }],
  });
  expect(run("bare.good.yaml", "home/tv/energy", 1)).toBe("no match");
});

test("the first rule that fits reads an item, and names that cannot be ours are made so", () => {
  const items = [
    { kind: "meter", unit: "W", tag: "Rack 1/A", value: 5 },
    { kind: "meter", value: 6 },
    { kind: "debug", value: 7 },
    { kind: "weather", outdoor_c: 3 },
  ];
  expect(run("rules.good.yaml", "gateway/x/gw-1/any/thing", { data: { items } })).toMatchObject({
    codes: [],
    readings: [
      { device: "Rack-1-A", quantities: { power_w: 5 } },
      { device: "gw-1", quantities: { power_w: 6 } },
      { device: "gw-1-other", quantities: { outdoor_c: 3 } },
    ],
  });
});
