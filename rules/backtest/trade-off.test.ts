import fc from "fast-check";
import { expect, test } from "vitest";
import type { Episode } from "./episode.ts";
import { tradeOffOf } from "./trade-off.ts";

const episode = (startS: number, lastsS: number, active = true): Episode => ({
  ...{ id: `${startS}`, rule: "R31", subject: "a", subcode: "", severity: "MAJOR", start: startS * 1000 },
  active: active ? startS * 1000 : null,
  ...{ eased: (startS + lastsS) * 1000, clear: (startS + lastsS) * 1000, end: (startS + lastsS) * 1000 },
});

test("many short ones and few long ones suggest the hold between them", () => {
  const short = Array.from({ length: 40 }, (_, index) => episode(index * 10_000, 20));
  const long = Array.from({ length: 5 }, (_, index) => episode(1_000_000 + index * 10_000, 5000));
  const { on, suggested } = tradeOffOf([...short, ...long]);
  expect(on.map(({ alerts }) => alerts)).toEqual([45, 45, 45, 5, 5, 5, 5, 5, 5, 5, 5]);
  expect(suggested.onS).toBe(30);
});

test("what comes back within the hold is the same alert", () => {
  const { off, suggested } = tradeOffOf(Array.from({ length: 12 }, (_, index) => episode(index * 100, 55)));
  expect(off.map(({ alerts }) => alerts)).toEqual([12, 12, 12, 12, 1, 1, 1, 1, 1, 1, 1]);
  expect(suggested.offS).toBe(60);
});

test("little history suggests nothing", () => {
  expect(tradeOffOf([episode(0, 1)]).suggested).toEqual({ onS: null, offS: null });
});

test("more hold never gives more alerts", () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(100_000), fc.nat(4000), fc.boolean())), (rows) => {
      const { on, off } = tradeOffOf(rows.map((row) => episode(...row)).sort((a, b) => a.start - b.start));
      for (const curve of [on, off])
        for (const [index, point] of curve.entries())
          expect(point.alerts).toBeLessThanOrEqual(curve[index - 1]?.alerts ?? point.alerts);
    }),
  ));
