import { expect, test } from "vitest";
import type { DeviceWire } from "#lib/wire.ts";
import { perMinute } from "./rate.ts";
import { guessKind, siteAddition, siteFile } from "./site-file.ts";

const device = (name: string, quantities: string[], watts = 1000): DeviceWire => ({
  site: "lab",
  device: name,
  quantities,
  firstSeen: 0,
  lastSeen: 0,
  readings: 1,
  latest: { power_w: { value: watts, ts: 0, unit: "W" } },
  nodes: [],
  origin: null,
});

test("a kind is guessed from what a device measures, then from its name", () => {
  const kind = (name: string, quantities: string[] = ["power_w"]) => guessKind({ device: name, quantities });
  expect(kind("x1", ["power_w", "soc_pct"])).toBe("battery");
  expect(kind("pv-roof")).toBe("pv");
  expect(kind("pcc-1")).toBe("grid");
  expect(kind("gen-1")).toBe("genset");
  expect(kind("chiller-2")).toBe("cooling");
  expect(kind("r-101")).toBe("it");
});

test("a site file lists what is metered, with the registers that were seen", () => {
  const text = siteFile(
    "lab",
    [
      device("pcc-1", ["power_w", "energy_import_wh", "energy_export_wh"], 40_000),
      device("pv-1", ["power_w", "energy_export_wh"]),
      device("room", ["inlet_c"]),
    ],
    "Asia/Shanghai",
  );
  expect(text).toContain("site: lab\n");
  expect(text).toContain("bus_rating_w: 90000\n");
  expect(text).toContain("    energy_forward: energy_import_wh\n        energy_reverse: energy_export_wh".trim());
  expect(text).toContain("kind: pv");
  expect(text).not.toContain("room");
});

test("a device of a modelled site gives lines for its file, not a second file", () => {
  const text = siteAddition("demo", [device("r-900", ["power_w"]), device("weather-1", ["outdoor_c"])]);
  expect(text).toContain("  - id: r-900\n    kind: it\n");
  expect(text).not.toMatch(/^site:/m);
  expect(text).not.toContain("weather-1");
});

test("a rate needs two looks, and a restart is not a negative rate", () => {
  expect(perMinute(undefined, { readings: 5, at: 10 })).toBeNull();
  expect(perMinute({ readings: 5, at: 0 }, { readings: 15, at: 30_000 })).toBe(20);
  expect(perMinute({ readings: 500, at: 0 }, { readings: 2, at: 30_000 })).toBe(0);
});
