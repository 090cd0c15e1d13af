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

test("a small ledger, counted by hand", () => {
  // Twelve hours from 08:00 in Shanghai, 01:00 in Berlin, with two operators.
  const zones: Record<string, string> = { hall: "Asia/Shanghai", attic: "Europe/Berlin" };
  const asked = { ...terms, to: from + 12 * hour, operators: 2, timeZone: (site: string) => zones[site] ?? "UTC" };
  const named = { by: "Li", reason: "", at: from + 12 * minute };
  const comment = { by: "Li", text: "seen", at: from + 35 * minute };
  const ledger = [
    at("a1", from + 10 * minute, { acknowledged: named, returned: from + 40 * minute, closed: from + 40 * minute }),
    at("a2", from + 60 * minute, { occurrences: 3, again: from + 69 * minute, returned: from + 70 * minute }),
    at("a3", from + 500 * minute, { rule: "R04", assignee: "Li" }),
    at("a4", from + 30 * minute, { rule: "R04", site: "attic", comments: [comment], returned: from + 90 * minute }),
    at("a5", from - 25 * hour, { rule: "R01" }),
    at("a6", from - 30 * hour, { rule: "R01", returned: from - minute }),
    at("a7", from - 48 * hour, { rule: "R01", occurrences: 2, again: from - 2 * hour }),
  ];
  const { all, rules, sites, shifts, floods, floodShare } = alarmQuality(ledger, asked);
  expect(all).toEqual({
    ...{ alerts: 4, annunciations: 6, perOperatorHour: 6 / 24, chattering: 0, stale: 1, neverActedUpon: 1 },
    acknowledgeS: { count: 1, median: 120, p90: 120 },
    resolveS: { count: 3, median: 1800, p90: 3600 },
  });
  const brief = (line: (typeof rules)[number] | (typeof sites)[number] | (typeof shifts)[number]) => [
    ...[line.alerts, line.annunciations, line.stale, line.neverActedUpon, line.resolveS.median],
  ];
  expect(rules.map((line) => [line.rule, ...brief(line)])).toEqual([
    ["R21", 2, 4, 0, 1, 60],
    ["R04", 2, 2, 0, 0, 3600],
    ["R01", 0, 0, 1, 0, null],
  ]);
  expect(sites.map((line) => [line.site, ...brief(line), line.perOperatorHour])).toEqual([
    ["attic", 1, 1, 0, 0, 3600, 1 / 24],
    ["hall", 3, 5, 1, 1, 60, 5 / 24],
  ]);
  // Berlin has seven hours of the night and five of the day in it, Shanghai eight of the day and four of the evening.
  expect(shifts.map((line) => [line.shift, ...brief(line), line.perOperatorHour])).toEqual([
    ["00:00", 1, 1, 1, 0, 3600, 1 / 7],
    ["08:00", 2, 4, 0, 1, 60, 4 / 13],
    ["16:00", 1, 1, 0, 0, null, 1 / 4],
  ]);
  expect([floods, floodShare]).toEqual([[], 0]);
});

test("a range of some hours gives each shift only its own, also on the day of 25 hours", () => {
  const berlin = { ...terms, timeZone: () => "Europe/Berlin" };
  const autumn = Date.parse("2026-10-25T00:00:00+02:00");
  const day = { ...berlin, from: autumn, to: Date.parse("2026-10-26T00:00:00+01:00") };
  const rates = (asked: QualityTerms) =>
    alarmQuality([at("a", asked.from)], asked).shifts.map((one) => one.perOperatorHour);
  expect(rates(day)).toEqual([1 / 9, 0, 0]);
  expect(rates({ ...day, to: autumn + 2.5 * hour })).toEqual([1 / 2.5, 0, 0]);
});

test("what was put on the shelf was acted upon", () => {
  const shelved = { by: "Li", reason: "", until: from + hour, was: "RETURNED" } as const;
  const over = at("a", from, { state: "SHELVED", returned: from + 1, shelved });
  expect(alarmQuality([over], terms).all.neverActedUpon).toBe(0);
});

test("the spread is by nearest rank", () => {
  expect(spreadOf([5, 1, 4, 2, 3, 6, 7, 8, 9, 10])).toEqual({ count: 10, median: 5, p90: 9 });
});
