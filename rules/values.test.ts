import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Reading, timestamp } from "#store";
import { loadCatalogue } from "./catalogue.ts";
import type { Rule } from "./rule.ts";
import { siteOf } from "./specimen.ts";
import { createSiteWatch, type SavedWatch } from "./watch.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
let rules: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue(undefined, ["R31"]);
  rules = loaded.ok ? loaded.catalogue.rules.filter(({ id }) => id === "R31") : [];
});

const open = (saved: SavedWatch | null = null) =>
  createSiteWatch({
    model: siteOf({ id: "hall", devices: ["r-101"], intervalMs: 60_000 }),
    rules,
    hash: (text) => text,
    catchupWaitMs: 60_000,
    saved,
  });
const reading = (minute: number, quantities: Record<string, number>, late = 0): Reading => ({
  site: "hall",
  device: "sensor-7",
  ts: timestamp(t0 + (minute - late) * 60_000),
  received: timestamp(t0 + minute * 60_000),
  quantities,
  flags: [],
});

test("a sensor that no node of the site names is judged by what it reports", () => {
  const watch = open();
  for (let minute = 0; minute <= 5; minute++) watch.reading(reading(minute, { inlet_c: 28 }));
  expect(watch.open()).toMatchObject([{ rule: "R31", subject: "sensor-7", subcode: "high", state: "ACTIVE" }]);
});

test("a reading without the quantity says nothing about it", () => {
  const watch = open();
  for (let minute = 0; minute <= 5; minute++) watch.reading(reading(minute, { inlet_c: 28 }));
  expect(watch.reading(reading(6, { power_w: 100 }))).toEqual([]);
  expect(watch.open()).toMatchObject([{ state: "ACTIVE" }]);
});

test("a value that is more than five minutes late is not taken for now", () => {
  const watch = open();
  watch.reading(reading(0, { inlet_c: 20 }));
  expect(watch.reading(reading(10, { inlet_c: 40 }, 6))).toEqual([]);
});

test("a restart anywhere changes nothing of what values say", () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(17, 25, 28, 33, 36)), { maxLength: 60 }),
      fc.nat({ max: 60 }),
      (steps, cut) => {
        let minute = 0;
        const all = steps.map(([pause, inlet]) => {
          minute += pause;
          return reading(minute, { inlet_c: inlet }, 100_000);
        });
        const whole = open();
        const expected = all.flatMap((one) => whole.reading(one));
        const first = open();
        const seen = all.slice(0, cut).flatMap((one) => first.reading(one));
        const second = open(JSON.parse(JSON.stringify(first.save())) as SavedWatch);
        seen.push(...all.slice(cut).flatMap((one) => second.reading(one)));
        expect(seen).toEqual(expected);
      },
    ),
    { numRuns: 100 },
  ));
