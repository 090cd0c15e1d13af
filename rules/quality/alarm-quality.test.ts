import fc from "fast-check";
import { expect, test } from "vitest";
import type { Alert } from "../alert.ts";
import { alertOf } from "../notify/alert.fixture.ts";
import { alarmQuality, type QualityTerms, spreadOf } from "./alarm-quality.ts";

const minute = 60_000;
const hour = 60 * minute;
const from = Date.UTC(2026, 10, 20);
const terms: QualityTerms = {
  from,
  to: from + 24 * hour,
  operators: 1,
  shifts: [0, 480, 960],
  timeZone: () => "Asia/Shanghai",
};
const at = (id: string, active: number, change: Partial<Alert> = {}): Alert =>
  alertOf({ id, start: active, active, ...change });

test("a quiet day has no rate, no flood and no spread", () => {
  const { all, floods, floodShare, rules } = alarmQuality([], terms);
  expect({ all, floods, floodShare, rules }).toEqual({
    all: {
      ...{ alerts: 0, annunciations: 0, perOperatorHour: 0, chattering: 0, stale: 0, neverActedUpon: 0 },
      acknowledgeS: { count: 0, median: null, p90: null },
      resolveS: { count: 0, median: null, p90: null },
    },
    ...{ floods: [], floodShare: null, rules: [] },
  });
});

test("the rate is of annunciations, operators and hours", () => {
  const two = [at("a", from, { occurrences: 5 }), at("b", from + hour)];
  expect(alarmQuality(two, { ...terms, operators: 2 }).all.perOperatorHour).toBeCloseTo(6 / 48);
});

test("what nobody was told does not count", () => {
  const untold = [
    at("a", from, { shadow: true }),
    at("b", from, { incident: { id: "m", held: true } }),
    alertOf({ id: "c", active: null }),
    at("d", from - 1),
    at("e", terms.to),
  ];
  expect(alarmQuality(untold, terms).all.alerts).toBe(0);
});

test("more than ten in ten minutes are a flood until fewer than five are left in ten minutes", () => {
  const burst = Array.from({ length: 11 }, (_, index) => at(`f${index}`, from + hour + index * 10_000));
  const later = at("z", from + 5 * hour);
  const { floods } = alarmQuality([...burst, later], terms);
  // The seventh of eleven leaves the window at its own time plus ten minutes; then four are left.
  expect(floods).toEqual([{ site: "hall", from: from + hour, to: from + hour + 60_000 + 10 * minute, alerts: 11 }]);
  expect(alarmQuality(burst, terms).floods).toEqual(floods);
  expect(alarmQuality(burst.slice(1), terms).floods).toEqual([]);
  expect(alarmQuality(burst, { ...terms, operators: 2 }).floods).toEqual([]);
});

test("three times within a minute chatter, as does what the engine found flapping", () => {
  const quick = [0, 20_000, 40_000].map((ms, index) => at(`q${index}`, from + ms));
  const slow = [0, 30_000, 60_000].map((ms, index) => at(`s${index}`, from + ms, { subject: "feed-b" }));
  const flapping = at("x", from, { rule: "R04", flapping: true });
  const { rules } = alarmQuality([...quick, ...slow, flapping], terms);
  expect(rules.map(({ rule, chattering }) => [rule, chattering])).toEqual([
    ["R21", 3],
    ["R04", 1],
  ]);
});

test("active for more than a day is stale", () => {
  const day = 24 * hour;
  const long = [
    at("a", from, { returned: from + day }),
    at("b", from, { returned: from + day + 1 }),
    at("c", from + 1),
  ];
  expect(alarmQuality(long, terms).all.stale).toBe(1);
});

test("over without a name, an assignee or a word is never acted upon", () => {
  const over = { state: "RETURNED", returned: from + 1 } as const;
  const acted = { by: "Ana", reason: "", at: from + 90_000 };
  const alerts = [
    at("a", from, over),
    at("b", from, { ...over, acknowledged: acted }),
    at("c", from, { ...over, assignee: "Ana" }),
    at("d", from),
  ];
  const { all } = alarmQuality(alerts, terms);
  expect(all.neverActedUpon).toBe(1);
  expect(all.acknowledgeS).toEqual({ count: 1, median: 90, p90: 90 });
});

test("a shift is of the site's own clock, and the night goes on after midnight", () => {
  const shifts = alarmQuality([at("a", from), at("b", from + 20 * hour)], { ...terms, shifts: [420, 1380] }).shifts;
  // 08:00 and 04:00 in Shanghai.
  expect(shifts.map(({ shift, alerts, perOperatorHour }) => [shift, alerts, perOperatorHour])).toEqual([
    ["07:00", 1, 1 / 16],
    ["23:00", 1, 1 / 8],
  ]);
});

test("rules, sites and shifts each add up to the whole", () =>
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          active: fc.integer({ min: 0, max: 24 * hour - 1 }),
          rule: fc.constantFrom("R01", "R04"),
          site: fc.constantFrom("hall", "attic"),
          occurrences: fc.integer({ min: 1, max: 4 }),
        }),
        { maxLength: 80 },
      ),
      (rows) => {
        const alerts = rows.map(({ active, ...rest }, index) => at(`a${index}`, from + active, rest));
        const { all, rules, sites, shifts, floods } = alarmQuality(alerts, terms);
        for (const parts of [rules, sites, shifts]) {
          expect(parts.reduce((sum, part) => sum + part.alerts, 0)).toBe(all.alerts);
          expect(parts.reduce((sum, part) => sum + part.annunciations, 0)).toBe(all.annunciations);
        }
        for (const flood of floods) expect(flood.to).toBeGreaterThan(flood.from);
      },
    ),
  ));

test("the spread is by nearest rank", () => {
  expect(spreadOf([5, 1, 4, 2, 3, 6, 7, 8, 9, 10])).toEqual({ count: 10, median: 5, p90: 9 });
});
