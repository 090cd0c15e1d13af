import fc from "fast-check";
import { expect, test } from "vitest";
import { type Alert, alertStates, severities } from "../alert.ts";
import { alertOf } from "../notify/alert.fixture.ts";
import { type AlertFilter, createAlertIndex, type Place } from "./alert-index.ts";
import { lossOf } from "./rank.ts";

const indexOf = (alerts: readonly Alert[]) => {
  const index = createAlertIndex();
  for (const alert of alerts) index.put(alert);
  return index;
};
const idsOf = (places: readonly Place[]): readonly string[] => places.map(({ id }) => id);
const open = { state: "ACTIVE", returned: null, closed: null } as const;

test("alerts come newest first, of equal starts the greater id first, in whatever order they were put", () => {
  const alerts = Array.from({ length: 5000 }, (_, at) =>
    alertOf({ ...open, id: `a${String(at).padStart(5, "0")}`, start: Math.floor(at / 3) }),
  );
  const expected = idsOf(alerts).toReversed();
  const shuffled = alerts.map((_, at) => alerts[(at * 1237) % 5000]).filter((alert) => alert !== undefined);
  for (const order of [alerts, alerts.toReversed(), shuffled]) {
    const index = indexOf(order);
    expect(index.size).toBe(5000);
    expect(idsOf(index.page({}, null, 10_000))).toEqual(expected);
  }
});

test("an alert put again is found by what it has become, and only so", () => {
  const index = indexOf([alertOf({ ...open, id: "a", start: 1 }), alertOf({ ...open, id: "b", start: 2 })]);
  index.put(alertOf({ ...open, id: "a", start: 1, state: "RETURNED", returned: 9 }));
  expect(idsOf(index.page({ state: "ACTIVE" }, null, 9))).toEqual(["b"]);
  expect(idsOf(index.page({ state: "RETURNED" }, null, 9))).toEqual(["a"]);
  expect(index.size).toBe(2);
  index.drop({ id: "a", start: 1 });
  index.drop({ id: "a", start: 1 });
  expect(idsOf(index.page({}, null, 9))).toEqual(["b"]);
});

test("alerts of shadow mode and those that were only ever pending are left out", () => {
  const index = indexOf([
    alertOf({ ...open, id: "a", start: 1 }),
    alertOf({ ...open, id: "b", start: 2, shadow: true }),
    alertOf({ id: "c", start: 3, state: "CLOSED", active: null, closed: 4, returned: null }),
    alertOf({ ...open, id: "d", start: 4, state: "PENDING", active: null }),
  ]);
  expect(idsOf(index.page({}, null, 9))).toEqual(["d", "a"]);
  expect(idsOf(index.page({ shadow: true }, null, 9))).toEqual(["b"]);
});

test("every word must be somewhere: in the names, the title in either language, or what people wrote", () => {
  const index = indexOf([
    alertOf({ ...open, id: "a", start: 1, subject: "Feed-A", title: { en: "Too hot", "zh-CN": "过热" } }),
    alertOf({ ...open, id: "b", start: 2, comments: [{ by: "li", text: "Fuse replaced", at: 3 }], assignee: "Ana" }),
  ]);
  const found = (text: string) => idsOf(index.page({ text }, null, 9));
  expect(found("FEED-a hot")).toEqual(["a"]);
  expect(found("过热")).toEqual(["a"]);
  expect(found("fuse ana")).toEqual(["b"]);
  expect(found("fuse hot")).toEqual([]);
  expect(found("  ")).toEqual(["b", "a"]);
});

test("the dearest come first, those whose loss is not known are not among them", () => {
  const index = indexOf(Array.from({ length: 50 }, (_, at) => alertOf({ ...open, id: `a${at}`, start: at })));
  for (let at = 0; at < 40; at++)
    index.price({ id: `a${at}`, start: at }, lossOf({ energyWh: (at * 7) % 40, cost: at }));
  const all = index.dearest({}, 100, "energy");
  expect(all.map(({ energyWh }) => energyWh)).toEqual(Array.from({ length: 40 }, (_, at) => 39 - at));
  for (const limit of [1, 3, 20, 39]) expect(index.dearest({}, limit, "energy")).toEqual(all.slice(0, limit));
  expect(index.dearest({ from: 10, to: 11 }, 5, "carbon")).toMatchObject([{ id: "a10", energyWh: 30 }]);
  expect(index.dearest({}, 2, "money").map(({ id }) => id)).toEqual(["a39", "a38"]);
  expect(index.dearest({}, 2, "carbon").map(({ energyWh }) => energyWh)).toEqual([39, 38]);
});

test("any filter finds what looking at every alert finds, page by page", () => {
  const names = ["x", "y", "z"] as const;
  const wanted = <Value extends string>(values: readonly Value[]) =>
    fc.oneof(
      fc.constantFrom(...values),
      fc.record({
        match: fc.constantFrom("in" as const, "not-in" as const),
        values: fc.subarray([...values]),
      }),
    );
  const passes = (filter: AlertFilter, name: "site" | "rule" | "subject" | "state" | "severity", value: string) => {
    const asked = filter[name];
    if (asked === undefined) return true;
    if (typeof asked === "string") return asked === value;
    return (asked.values as readonly string[]).includes(value) === (asked.match === "in");
  };
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          start: fc.nat(20),
          site: fc.constantFrom(...names),
          rule: fc.constantFrom(...names),
          subject: fc.constantFrom(...names),
          state: fc.constantFrom(...alertStates),
          severity: fc.constantFrom(...severities),
          active: fc.option(fc.nat(30), { freq: 5 }),
        }),
        { maxLength: 60 },
      ),
      fc.record(
        {
          site: fc.constantFrom(...names),
          rule: wanted(names),
          subject: wanted(names),
          state: wanted(alertStates),
          severity: wanted(severities),
          from: fc.nat(20),
          to: fc.nat(20),
          activeFrom: fc.nat(30),
          activeTo: fc.nat(30),
        },
        { requiredKeys: [] },
      ),
      fc.integer({ min: 1, max: 7 }),
      (rows, filter: AlertFilter, limit) => {
        const alerts = rows.map((row, at) => alertOf({ ...row, id: `a${String(at).padStart(2, "0")}` }));
        const index = indexOf(alerts);
        const expected = alerts
          .filter(({ state, active }) => state !== "CLOSED" || active !== null)
          .filter(({ start }) => start >= (filter.from ?? 0) && start < (filter.to ?? 99))
          .filter(({ active }) => filter.activeFrom === undefined || (active !== null && active >= filter.activeFrom))
          .filter(({ active }) => filter.activeTo === undefined || (active !== null && active < filter.activeTo))
          .filter((alert) =>
            (["site", "rule", "subject", "state", "severity"] as const).every((name) =>
              passes(filter, name, alert[name]),
            ),
          )
          .sort((a, b) => b.start - a.start || (a.id < b.id ? 1 : -1));
        const found: Place[] = [];
        for (let after: Place | null = null; ; after = found.at(-1) ?? null) {
          const page = index.page(filter, after, limit);
          found.push(...page);
          if (page.length < limit) break;
        }
        expect(idsOf(found)).toEqual(idsOf(expected));
      },
    ),
  );
});
