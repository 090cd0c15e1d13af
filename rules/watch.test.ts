import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Reading, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import { loadCatalogue } from "./catalogue.ts";
import { shelved } from "./command.ts";
import { formatHeard } from "./heard.ts";
import type { Rule } from "./rule.ts";
import { accountOf, siteOf } from "./specimen.ts";
import { createSiteWatch, type SavedWatch, type SiteWatch } from "./watch.ts";

let rules: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  rules = loaded.ok ? loaded.catalogue.rules : [];
});

const t0 = Date.UTC(2026, 10, 23, 8);
const names = (count: number) => Array.from({ length: count }, (_, index) => `r-${String(index).padStart(3, "0")}`);
const open = (devices: readonly string[], saved: SavedWatch | null = null, intervalMs = 10_000): SiteWatch =>
  createSiteWatch({
    model: siteOf({ id: "hall", devices, intervalMs }),
    rules,
    hash: (text) => text,
    catchupWaitMs: 60_000,
    saved,
  });
const reading = (device: string, ts: number, received = ts): Reading => ({
  site: "hall",
  device,
  ts: timestamp(ts),
  received: timestamp(received),
  quantities: { power_w: 1 },
  flags: [],
});
const brief = (alerts: readonly Alert[]) => alerts.map(({ subject, state }) => `${subject} ${state}`);
/** Ticks every second of `[from, to]`. */
const ticks = (watch: SiteWatch, from: number, to: number): Alert[] => {
  const changed: Alert[] = [];
  for (let wall = from; wall <= to; wall += 1000) changed.push(...watch.tick(wall));
  return changed;
};

test("a device that falls silent is told at its limit, not at the tick that noticed", () => {
  const watch = open(["a", "b", "c"]);
  for (const device of ["a", "b", "c"]) watch.reading(reading(device, t0));
  const changed: Alert[] = [];
  for (let at = t0 + 10_000; at <= t0 + 40_000; at += 10_000) {
    for (const device of ["b", "c"]) changed.push(...watch.reading(reading(device, at)));
    changed.push(...ticks(watch, at + 700, at + 9700));
  }
  expect(changed).toMatchObject([{ subject: "a", state: "ACTIVE", start: t0 + 30_001, inputs: { age_s: 30.001 } }]);
});

test("four hundred racks that fall silent one after the other are one alert", () => {
  const devices = names(400);
  const watch = open(devices);
  const changed: Alert[] = [];
  for (let at = t0; at < t0 + 30_000; at += 10_000) {
    for (const [index, device] of devices.entries()) changed.push(...watch.reading(reading(device, at + index * 25)));
  }
  changed.push(...ticks(watch, t0 + 30_000, t0 + 120_000));
  expect(brief(changed)).toEqual(["hall ACTIVE"]);
  expect(changed[0]).toMatchObject({ subcode: "group", inputs: { devices: 400, firing: 1, overdue: 399 } });
});

test("the group's alert gets worse with its members", () => {
  const watch = open(names(4));
  for (const device of names(4)) watch.reading(reading(device, t0));
  const changed = ticks(watch, t0 + 1000, t0 + 400_000);
  expect(changed.map(({ state, severity }) => `${state}/${severity}`)).toEqual(["ACTIVE/WARNING", "ACTIVE/MAJOR"]);
});

test("a stop of our own is not a silence of theirs", () => {
  const devices = names(4);
  const before = open(devices);
  for (const device of devices) before.reading(reading(device, t0));
  const after = open(devices, JSON.parse(JSON.stringify(before.save())) as SavedWatch);
  const back = t0 + 3_600_000;
  const changed = [...ticks(after, back - 5000, back), ...after.reading(reading("r-000", back))];
  changed.push(...ticks(after, back + 1000, back + 9000));
  expect(changed).toEqual([]);
});

test("who does not come back after our stop is told when its time is over", () => {
  const devices = names(4);
  const before = open(devices);
  for (const device of devices) before.reading(reading(device, t0));
  const after = open(devices, before.save());
  const changed: Alert[] = [];
  for (let at = t0 + 3_600_000; at <= t0 + 3_640_000; at += 10_000) {
    for (const device of devices.slice(1)) changed.push(...after.reading(reading(device, at)));
    changed.push(...ticks(after, at + 1000, at + 9000));
  }
  expect(brief(changed)).toEqual(["r-000 ACTIVE"]);
});

test("a process that was paused does not blame the sensors", () => {
  const devices = names(4);
  const watch = open(devices);
  for (const device of devices) watch.reading(reading(device, t0));
  expect(watch.tick(t0 + 600_000)).toEqual([]);
});

test("history that lags the wall clock by days is not stale", () => {
  const devices = names(3);
  const watch = open(devices, null, 60_000);
  const wall = t0 + 7 * 86_400_000;
  const changed: Alert[] = [];
  for (let minute = 0; minute < 200; minute++) {
    for (const device of devices) changed.push(...watch.reading(reading(device, t0 + minute * 60_000, wall + minute)));
    changed.push(...watch.tick(wall + minute));
  }
  expect(changed).toEqual([]);
});

test("history with a gap in one device has the alert at the time of the gap", () => {
  const devices = names(3);
  const watch = open(devices, null, 60_000);
  const wall = t0 + 7 * 86_400_000;
  const changed: Alert[] = [];
  for (let minute = 0; minute < 60; minute++) {
    for (const device of devices) {
      if (device === "r-001" && minute >= 20 && minute < 40) continue;
      changed.push(...watch.reading(reading(device, t0 + minute * 60_000, wall)));
    }
  }
  expect(changed.map(({ state, severity, changed: { site } }) => [state, severity, (site - t0) / 60_000])).toEqual([
    ["ACTIVE", "WARNING", 22 + 1 / 60_000],
    ["ACTIVE", "MAJOR", 29 + 1 / 60_000],
    ["RETURNED", "MAJOR", 42],
  ]);
});

test("a device that comes back and falls silent again is told at its limit again", () => {
  const watch = open(["a", "b", "c", "d"], null, 60_000);
  const wall = t0 + 7 * 86_400_000;
  const changed: Alert[] = [];
  for (let minute = 0; minute < 30; minute++) {
    for (const device of ["a", "b", "c", "d"]) {
      if (device === "a" && ((minute >= 5 && minute < 10) || minute >= 13)) continue;
      changed.push(...watch.reading(reading(device, t0 + minute * 60_000, wall)));
    }
  }
  expect(changed.map(({ state, changed: { site } }) => [state, (site - t0) / 60_000])).toEqual([
    ["ACTIVE", 7 + 1 / 60_000],
    ["RETURNED", 12],
    ["ACTIVE", 15 + 1 / 60_000],
    ["ACTIVE", 22 + 1 / 60_000],
  ]);
});

test("a reading dated ahead does not buy its device silence", () => {
  const watch = open(["a", "b", "c"]);
  for (const device of ["b", "c"]) watch.reading(reading(device, t0));
  watch.reading(reading("a", t0 + 3_600_000, t0));
  const changed: Alert[] = [];
  for (let at = t0 + 10_000; at <= t0 + 40_000; at += 10_000) {
    for (const device of ["b", "c"]) changed.push(...watch.reading(reading(device, at)));
    changed.push(...ticks(watch, at + 1000, at + 9000));
  }
  expect(brief(changed)).toEqual(["a ACTIVE"]);
});

test("readings of devices that no model knows are nothing to the rules", () => {
  const watch = open(["a", "b"]);
  expect(watch.reading(reading("stranger", t0))).toEqual([]);
  expect(watch.save().devices).toBe(formatHeard([]));
});

test("an account that was judged is not judged again, and an older one not at all", () => {
  const watch = open([]);
  const minute = (index: number) =>
    accountOf({
      site: "hall",
      start: t0 + index * 60_000,
      end: t0 + (index + 1) * 60_000,
      residualW: 3e4,
      uncertaintyW: 8650,
      supplyW: 1.5e6,
    });
  const changed = [0, 1, 1, 0, 2, 3, 4].flatMap((index) => watch.account(minute(index), t0));
  expect(brief(changed)).toEqual(["hall PENDING", "hall ACTIVE"]);
  expect(changed.at(-1)).toMatchObject({ start: t0, active: t0 + 300_000 });
});

test("an alert says what it saw and what it was held against", () => {
  const watch = open([]);
  const [pending] = watch.account(
    accountOf({ site: "hall", start: t0, end: t0 + 60_000, residualW: -3e4, uncertaintyW: 8650, supplyW: 1.5e6 }),
    t0 + 70_000,
  );
  expect(pending).toMatchObject({
    rule: "R01",
    ruleVersion: 1,
    changed: { wall: t0 + 70_000, site: t0 + 60_000 },
    inputs: { residual_w: -30000, gap_w: 30000, u_w: 8650, supply_w: 1.5e6, bus_rating_w: 2e6, quality: "MEASURED" },
    thresholds: { floor_w: 10_000, warning_w: 25_950, major_w: 150_000, clear_w: 17_300 },
  });
});

test("the alert of a rule that is no longer in force returns to normal and waits for a person", () => {
  const watch = open([]);
  for (let minute = 0; minute < 5; minute++) {
    const start = t0 + minute * 60_000;
    watch.account(
      accountOf({ site: "hall", start, end: start + 60_000, residualW: 3e4, uncertaintyW: 10, supplyW: 1e6 }),
      t0,
    );
  }
  const kept = rules;
  rules = kept.filter((rule) => rule.id !== "R01");
  const after = open([], watch.save());
  rules = kept;
  expect(brief(after.retire(t0 + 400_000))).toEqual(["hall RETURNED"]);
  expect(after.retire(t0 + 500_000)).toEqual([]);
});

const devices = names(3);
/** Gaps of each device in minutes of history. */
const history = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 6 })), { maxLength: 60 });
const readingsOf = (steps: readonly (readonly [device: number, pause: number])[]): readonly Reading[] => {
  let minute = 0;
  return steps.map(([device, pause]) => {
    minute += pause;
    return reading(devices[device] ?? "r-000", t0 + minute * 60_000, t0 + 86_400_000);
  });
};

test("a restart anywhere in history changes nothing", () =>
  fc.assert(
    fc.property(history, fc.integer({ min: 0, max: 60 }), (steps, cut) => {
      const all = readingsOf(steps);
      const whole = open(devices, null, 60_000);
      const expected = all.flatMap((one) => whole.reading(one));
      const first = open(devices, null, 60_000);
      const seen = all.slice(0, cut).flatMap((one) => first.reading(one));
      const second = open(devices, JSON.parse(JSON.stringify(first.save())) as SavedWatch, 60_000);
      seen.push(...all.slice(cut).flatMap((one) => second.reading(one)));
      expect(JSON.stringify(seen)).toBe(JSON.stringify(expected));
    }),
    { numRuns: 200 },
  ));

test("readings that come twice change nothing", () =>
  fc.assert(
    fc.property(history, (steps) => {
      const all = readingsOf(steps);
      const once = open(devices, null, 60_000);
      const twice = open(devices, null, 60_000);
      expect(all.flatMap((one) => [...twice.reading(one), ...twice.reading(one)])).toEqual(
        all.flatMap((one) => once.reading(one)),
      );
    }),
  ));

test("at no time do two open alerts share rule, subject and subcode", () =>
  fc.assert(
    fc.property(history, (steps) => {
      const watch = open(devices, null, 60_000);
      for (const one of readingsOf(steps)) {
        watch.reading(one);
        const keys = watch.open().map(({ rule, subject, subcode }) => `${rule}/${subject}/${subcode}`);
        expect(new Set(keys).size).toBe(keys.length);
      }
    }),
  ));

test("a shelf ends at its time, whether anything is seen of its alert or not, and after a restart too", () => {
  const watch = open(["a", "b"]);
  for (const device of ["a", "b"]) watch.reading(reading(device, t0));
  const beats = (one: SiteWatch, from: number, to: number): Alert[] => {
    const changed: Alert[] = [];
    for (let at = from; at <= to; at += 10_000)
      changed.push(...one.reading(reading("b", at)), ...ticks(one, at + 1000, at + 9000));
    return changed;
  };
  const [alert] = beats(watch, t0 + 10_000, t0 + 40_000);
  expect(alert).toMatchObject({ subject: "a", state: "ACTIVE" });
  const until = t0 + 95_500;
  watch.amend(alert?.id ?? "", (one) => shelved(one, "li", "battery", until, { wall: t0 + 50_000, site: t0 + 50_000 }));
  expect(beats(watch, t0 + 50_000, t0 + 80_000)).toEqual([]);
  const again = open(["a", "b"], structuredClone(watch.save()));
  for (const one of [watch, again]) {
    const [ended] = beats(one, t0 + 90_000, t0 + 100_000);
    expect(ended).toMatchObject({ subject: "a", state: "ACTIVE", changed: { site: until } });
    expect(ended).not.toHaveProperty("shelved");
  }
});
