import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Reading, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import { loadCatalogue } from "./catalogue.ts";
import { alertHash } from "./hash.ts";
import { parseRule, type Rule } from "./rule.ts";
import { canonical, createRun, type Happening } from "./run.ts";
import { accountOf, siteOf } from "./specimen.ts";
import type { SavedWatch } from "./watch.ts";

let rules: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  rules = loaded.ok ? loaded.catalogue.rules : [];
});

const t0 = Date.UTC(2026, 10, 23, 8);
const devices = ["a", "b", "c"];
const sites = [siteOf({ id: "hall", devices, intervalMs: 60_000 })];
const begin = (saved: SavedWatch | null = null) =>
  createRun({ sites, rules, hash: alertHash, catchupWaitMs: 60_000, saved: () => saved });

/** A day's history in minutes: who is silent, how hot, and how far the balance is off. */
const history = fc.array(
  fc.record({
    silent: fc.subarray(devices),
    inlet: fc.integer({ min: 15, max: 38 }),
    residual: fc.option(fc.integer({ min: -60_000, max: 60_000 })),
  }),
  { minLength: 1, maxLength: 60 },
);
type Minute = { silent: string[]; inlet: number; residual: number | null };
const received = t0 + 86_400_000;
const readingsOf = (minutes: readonly Minute[]): Reading[] =>
  minutes.flatMap(({ silent, inlet }, index) =>
    devices
      .filter((device) => !silent.includes(device))
      .map((device) => ({
        site: "hall",
        device,
        ts: timestamp(t0 + index * 60_000),
        received: timestamp(received),
        quantities: { power_w: 1, inlet_c: inlet },
        flags: [],
      })),
  );
const accountsOf = (minutes: readonly Minute[]): Happening[] =>
  minutes.map(({ residual }, index) => ({
    kind: "account",
    wall: received,
    account: accountOf({
      site: "hall",
      start: t0 + index * 60_000,
      end: t0 + (index + 1) * 60_000,
      residualW: residual,
      uncertaintyW: 8650,
      supplyW: 1.5e6,
    }),
  }));
/** The two roads of a running system, joined in any way that keeps each one's order. */
const joined = (left: readonly Happening[], right: readonly Happening[], picks: readonly boolean[]): Happening[] => {
  const [a, b] = [[...left], [...right]];
  const all: Happening[] = [];
  for (let step = 0; a.length + b.length > 0; step++) {
    const next = picks[step % Math.max(1, picks.length)] === true ? (a.shift() ?? b.shift()) : (b.shift() ?? a.shift());
    if (next !== undefined) all.push(next);
  }
  return all;
};
const paged = (readings: readonly Reading[], size: number): Happening[] =>
  Array.from({ length: Math.ceil(readings.length / size) }, (_, page) => ({
    kind: "readings",
    readings: readings.slice(page * size, (page + 1) * size),
  }));
const alone = (ts: number): Happening => ({
  kind: "readings",
  readings: [
    {
      ...{ site: "hall", device: "a", ts: timestamp(ts), received: timestamp(received) },
      ...{ quantities: { power_w: 1 }, flags: [] },
    },
  ],
});
// No account is made before something was heard: its clock has begun.
const opening = alone(t0 - 60_000);
// What moves the clock past the last account of every run.
const closing = alone(t0 + 7_200_000);

test("page sizes, restarts and the meeting of readings and accounts change no byte", () =>
  fc.assert(
    fc.property(
      history,
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 200 }),
      (minutes, size, picks, cut) => {
        const whole = begin();
        const expected: Alert[] = [];
        for (const one of [opening, ...paged(readingsOf(minutes), 1000), ...accountsOf(minutes), closing])
          expected.push(...whole.take(one));
        const roads = joined(paged(readingsOf(minutes), size), accountsOf(minutes), picks);
        const happenings = [opening, ...roads, closing];
        let run = begin();
        const seen: Alert[] = [];
        for (const [index, one] of happenings.entries()) {
          if (index === cut) {
            const saved = run.watches.get("hall")?.save();
            run = begin(saved === undefined ? null : (JSON.parse(JSON.stringify(saved)) as SavedWatch));
          }
          seen.push(...run.take(one));
        }
        expect(canonical(seen)).toEqual(canonical(expected));
      },
    ),
    { numRuns: 60 },
  ));

test("a model with a later validity date takes over at its instant, and nobody waits for the meter that it took away", () => {
  const [before, after] = ["a", "b"].map((device, index) => ({
    ...siteOf({ id: "hall", devices: [device], intervalMs: 60_000 }),
    revision: device,
    ...(index === 0 ? {} : { validFrom: t0 + 600_000 }),
  }));
  if (before === undefined || after === undefined) throw new Error("no models");
  const site = { ...before, versions: [after] };
  const run = createRun({ sites: [site], rules, hash: alertHash, catchupWaitMs: 60_000 });
  // Another device keeps the site's clock going; a jump of it would be our own absence.
  const told = Array.from({ length: 360 }, (_, index) => t0 + index * 5000).flatMap((ts) =>
    [
      ...run.take({
        kind: "readings",
        readings: [
          {
            ...{ site: "hall", device: "weather", flags: [], quantities: { outdoor_c: 10 } },
            ...{ ts: timestamp(ts), received: timestamp(ts + 100) },
          },
        ],
      }),
      ...run.take({ kind: "tick", wall: ts + 200 }),
    ].map(({ rule, subject, state }) => ({ minute: (ts - t0) / 60_000, rule, subject, state })),
  );
  const story = told.filter(({ rule }) => rule === "R04").map(({ minute, subject, state }) => [minute, subject, state]);
  // Known from the model alone: before it begins to hold nobody waits for the new meter.
  expect(story.slice(0, 3)).toEqual([
    [3, "a", "ACTIVE"],
    [10, "a", "RETURNED"],
    [expect.closeTo(13, 0), "b", "ACTIVE"],
  ]);
});

const hotOutdoors = `id: HOT
version: 1
title: { en: Hot, "zh-CN": 热 }
action: { en: Wait, "zh-CN": 等 }
on: account
subject: site
inputs: [outdoor_c]
levels:
  - { severity: WARNING, subcode: hot, trigger: outdoor_c > celsius(30), hold_on_s: 0, clear: outdoor_c < celsius(25), hold_off_s: 0 }
`;

test("accounts that come hours after their readings give the same as those that come at once", () => {
  // Outdoors it turns hot every hour; the supply fails and comes back now and then, and the balance is off all the time.
  const minutes = 900;
  const feeds = siteOf({
    ...{ id: "hall", devices: ["it"], intervalMs: 60_000 },
    nodes: [{ id: "feed", kind: "grid", ratingW: 2e6, capacityWh: null }],
  });
  const supplies = Array.from({ length: minutes }, (_, index) => {
    const at = timestamp(t0 + index * 60_000);
    const isLost = index % 130 >= 100 && index % 130 < 104;
    const said = { site: "hall", ts: at, received: timestamp(received), flags: [] };
    return [
      {
        ...said,
        device: "feed",
        quantities: {
          power_w: isLost ? 0 : 9e5,
          mains_present: isLost ? 0 : 1,
          frequency_hz: isLost ? 48 : 50,
          ats_on_genset: isLost ? 1 : 0,
        },
      },
      { ...said, device: "it", quantities: { power_w: 7e5, outdoor_c: index % 60 < 30 ? 20 : 38 } },
    ];
  });
  const accounts = Array.from({ length: minutes - 1 }, (_, index): Happening => {
    const start = t0 + index * 60_000;
    const residualW = index % 40 < 20 ? 90_000 : 0;
    const given = { start, end: start + 60_000, residualW, uncertaintyW: 8650, supplyW: 1.5e6, itW: 7e5 };
    return {
      kind: "account",
      wall: received,
      account: accountOf({ site: "hall", ...given, facilityW: 1.5e6, coolingW: 7e5, lossW: 1e5, loadW: 1.5e6 }),
    };
  });
  const hot = parseRule(hotOutdoors, "hot.yaml");
  if (!hot.ok) throw new Error(JSON.stringify(hot.faults));
  const all = [...rules.map((rule) => ({ ...rule, mode: "on" as const })), hot.rule];
  const play = (lagging: number): readonly Alert[] => {
    const run = createRun({ sites: [feeds], rules: all, hash: alertHash, catchupWaitMs: 60_000 });
    const ahead = supplies.flatMap((readings, index): Happening[] => {
      const account = accounts[index - 1 - lagging];
      return [{ kind: "readings", readings }, ...(account === undefined ? [] : [account])];
    });
    return [...ahead, ...accounts.slice(Math.max(0, minutes - 1 - lagging)), closing].flatMap((one) => [
      ...run.take(one),
    ]);
  };
  const prompt = play(0);
  const seen = new Set(prompt.map(({ rule, state, incident }) => `${rule} ${state}${incident ? " inside" : ""}`));
  for (const one of ["R01 UNKNOWN", "R01 ACTIVE inside", "R25 ACTIVE inside", "R36 ACTIVE", "HOT ACTIVE"])
    expect(seen).toContain(one);
  expect(canonical(play(minutes))).toEqual(canonical(prompt));
  expect(canonical(play(300))).toEqual(canonical(prompt));
});
