import fc from "fast-check";
import { expect, test } from "vitest";
import { accountWindow } from "./close.ts";
import type { SamplesByPoint } from "./node-account.ts";
import { createSiteSamples } from "./samples.ts";
import { parseSite } from "./site.ts";

const parsed = parseSite(
  `site: hall
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 400000
nodes:
  - { id: grid, kind: grid, rating_w: 300000, points: [{ code: MP.PCC, device: grid, power: power_w, energy_forward: energy_import_wh, energy_reverse: energy_export_wh, interval_s: 20 }] }
  - { id: hall, kind: it, rating_w: 200000, points: [{ code: MP.UPS.OUT.1, device: hall, power: power_w, energy_forward: energy_import_wh, interval_s: 20, sign: -1 }] }
  - { id: cooling, kind: cooling, points: [{ code: MP.COOL.1, device: cooling, power: power_w, energy_forward: energy_import_wh, energy_reverse: energy_export_wh, interval_s: 20 }] }
`,
  "hall.yaml",
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
const { site: model } = parsed;
const bridgeMs = 3_600_000;
const t0 = 1_795_000_020_000;
const minuteMs = 60_000;

// Mostly a meter that does its work; now and then a gap, a reset, a spike, a register that flickers, a value that is missing.
const usual = <Value>(value: fc.Arbitrary<Value>, odd: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 20, arbitrary: value }, { weight: 1, arbitrary: odd });
const reading = fc.record({
  device: fc.constantFrom("grid", "hall", "cooling"),
  afterMs: usual(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 0, max: 400_000 })),
  watts: usual<number | null>(fc.integer({ min: -1000, max: 90_000 }), fc.constant(null)),
  countedWh: usual(fc.integer({ min: 0, max: 400 }), fc.constantFrom(-1, -1e6, 5e7, Number.NaN)),
  backWh: usual(fc.integer({ min: 0, max: 3 }), fc.constantFrom(-1, 4e6)),
});

test("plain meters are accounted as all others are, to the last bit", () => {
  let plain = 0;
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 150 }), (readings) => {
      const samples = createSiteSamples(model, { bridgeMs });
      const registers = new Map<string, { forward: number; back: number }>();
      let ts = t0;
      for (const { device, afterMs, watts, countedWh, backWh } of readings) {
        ts += afterMs;
        const register = registers.get(device) ?? { forward: 1e6, back: 500 };
        registers.set(device, register);
        if (!Number.isNaN(countedWh)) register.forward += countedWh;
        register.back += backWh;
        const quantities: Record<string, number> = { energy_export_wh: register.back };
        if (watts !== null) quantities.power_w = watts;
        if (!Number.isNaN(countedWh)) quantities.energy_import_wh = register.forward;
        samples.add({ site: "hall", device, ts: ts as never, received: ts as never, quantities, flags: [] });
      }
      const { slots: _slots, ...slow } = samples.columns;
      for (let start = t0 - minuteMs; start < ts + minuteMs; start += minuteMs) {
        const of = (columns: SamplesByPoint) =>
          accountWindow(model, { step: "1m", start, end: start + minuteMs }, columns, { bridgeMs });
        const made = of(samples.columns);
        expect(made).toEqual(of(slow));
        plain += Object.values(made.nodes).filter(({ quality }) => quality === "MEASURED").length;
      }
    }),
    { numRuns: 60 },
  );
  expect(plain).toBeGreaterThan(0);
});
