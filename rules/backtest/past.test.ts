import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Json, type Reading, timestamp } from "#store";
import { accountOf } from "../specimen.ts";
import { happeningsOf } from "./past.ts";

const minute = 60_000;
const hour = 60 * minute;
const t0 = Date.UTC(2026, 10, 23, 8, 20);

const reading = fc.record({
  device: fc.constantFrom("a", "b", "c"),
  at: fc.integer({ min: 0, max: 40 * 60 }),
  lateS: fc.constantFrom(0, 0, 0, 1, 5000),
});
const readings = fc.uniqueArray(reading, { maxLength: 60, selector: ({ device, at }) => `${device}/${at}` });
const period = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 40 * 60 }));

const told = async (taken: readonly Reading[], from: number, to: number, devices: readonly string[] | null) => {
  const past = createMemoryReadings();
  await past.write(taken);
  const ledger = createMemoryLedger({ now: () => t0 });
  const starts = [from, from + 90 * minute].filter((start) => start < to);
  await ledger.commit(
    starts.map((start) => ({
      ...{ op: "put" as const, kind: "account/1m", key: `hall/${start}`, site: "hall", ts: timestamp(start) },
      body: accountOf({ site: "hall", start, end: start + minute }) as unknown as Json,
    })),
  );
  const found: Reading[] = [];
  let accounts = 0;
  for await (const some of happeningsOf({ readings: past, ledger, site: "hall", from, to, devices }))
    for (const one of some) {
      if (one.kind === "readings") found.push(...one.readings);
      else if (one.kind === "account") {
        accounts++;
      }
    }
  expect(accounts).toBe(starts.length);
  return found.map(({ device, ts }) => `${device}/${ts}`);
};

test("readings come hour by hour as they were received, however many hours are read at once", () =>
  fc.assert(
    fc.asyncProperty(readings, period, fc.boolean(), async (drawn, [begin, length], isSome) => {
      const taken = drawn.map(({ device, at, lateS }): Reading => {
        const ts = t0 + at * minute;
        return {
          ...{ site: "hall", device, ts: timestamp(ts), received: timestamp(ts + lateS * 1000) },
          ...{ quantities: { power_w: 1 }, flags: [] },
        };
      });
      const [from, to] = [t0 + begin * minute, t0 + (begin + length) * minute];
      const expected = taken
        .filter(({ ts, device }) => ts >= from && ts < to && (!isSome || device !== "b"))
        .sort(
          (a, b) =>
            Math.floor(a.ts / hour) - Math.floor(b.ts / hour) ||
            a.received - b.received ||
            a.ts - b.ts ||
            (a.device < b.device ? -1 : 1),
        );
      expect(await told(taken, from, to, isSome ? ["c", "a"] : null)).toEqual(
        expected.map(({ device, ts }) => `${device}/${ts}`),
      );
    }),
    { numRuns: 60 },
  ));
