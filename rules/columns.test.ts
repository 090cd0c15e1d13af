import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createColumnBuilder, createNameBook, type Reading, timestamp } from "#store";
import { loadCatalogue } from "./catalogue.ts";
import { alertHash } from "./hash.ts";
import type { Rule } from "./rule.ts";
import { createRun, type Happening } from "./run.ts";
import { siteOf } from "./specimen.ts";

let rules: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  rules = loaded.ok ? loaded.catalogue.rules : [];
});

const t0 = Date.UTC(2026, 10, 23, 8);
const sites = ["north", "south"].map((id) => siteOf({ id, devices: ["a", "b", "c"], intervalMs: 10_000 }));

const message = fc.record({
  site: fc.constantFrom("north", "south", "elsewhere"),
  device: fc.constantFrom("a", "b", "c", "unmodelled"),
  afterMs: fc.constantFrom(0, 1, 500, 9000, 31_000, 70_000, 400_000),
  lateMs: fc.constantFrom(0, 20, 5000, 45_000, 3_600_000),
  inlet: fc.option(fc.integer({ min: 15, max: 38 })),
});
type Message = typeof message extends fc.Arbitrary<infer Value> ? Value : never;

const readingsOf = (messages: readonly Message[]): Reading[] => {
  let now = t0;
  return messages.map(({ site, device, afterMs, lateMs, inlet }) => {
    now += afterMs;
    const quantities = inlet === null ? { power_w: 1 } : { power_w: 1, inlet_c: inlet };
    return { site, device, ts: timestamp(now - lateMs), received: timestamp(now), quantities, flags: [] };
  });
};

test("rows of columns give the alerts that the same readings give, in the same order", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 120 }), fc.integer({ min: 1, max: 20 }), (messages, pageRows) => {
      const readings = readingsOf(messages);
      const begin = () => createRun({ sites, rules, hash: alertHash, catchupWaitMs: 60_000 });
      const [objects, columns] = [begin(), begin()];
      const builder = createColumnBuilder(createNameBook());
      for (let at = 0; at < readings.length; at += pageRows) {
        const page = readings.slice(at, at + pageRows);
        for (const reading of page) builder.addReading(reading);
        const wall = (page.at(-1)?.received ?? t0) + 5;
        const tick: Happening = { kind: "tick", wall };
        expect(columns.take({ kind: "columns", columns: builder.take() })).toEqual(
          objects.take({ kind: "readings", readings: page }),
        );
        expect(columns.take(tick)).toEqual(objects.take(tick));
      }
      for (const { id } of sites) expect(columns.watches.get(id)?.save()).toEqual(objects.watches.get(id)?.save());
    }),
  );
});

test("a calm device costs no judgement and hides none: the rule with its looks left out says the same", () => {
  // Without look_after_s a rule is never taken to be calm, so every reading is judged.
  const silence = rules.filter(({ id }) => id === "R04");
  const wary = silence.map((rule) => ({ ...rule, inputs: [...rule.inputs, "never_there"] }));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 120 }), (messages) => {
      const begin = (given: readonly Rule[]) =>
        createRun({ sites, rules: given, hash: alertHash, catchupWaitMs: 60_000 });
      const [calm, judged] = [begin(silence), begin(wary)];
      const plain = (alerts: ReturnType<typeof calm.take>) =>
        alerts.map((alert) => ({ ...alert, inputs: { ...alert.inputs, never_there: null } }));
      for (const reading of readingsOf(messages)) {
        const happening: Happening = { kind: "readings", readings: [reading] };
        expect(plain(calm.take(happening))).toEqual(plain(judged.take(happening)));
      }
    }),
  );
});
