import { beforeAll, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Json, type Reading, timestamp } from "#store";
import { loadCatalogue } from "../catalogue.ts";
import { alertHash } from "../hash.ts";
import { alertOf } from "../notify/alert.fixture.ts";
import { putAlert } from "../record.ts";
import { parseRule, type Rule } from "../rule.ts";
import { accountOf, siteOf } from "../specimen.ts";
import { createBacktestDesk } from "./desk.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const minute = 60_000;
const model = siteOf({ id: "hall", devices: ["a", "b"], intervalMs: minute });

let rules: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  rules = loaded.ok ? loaded.catalogue.rules : [];
});

/** Two hours of a hall whose air is hot from minute 30 to 50 and, shortly, from 70 to 74. */
const history = async () => {
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => t0 });
  const hot = (at: number): boolean => (at >= 30 && at < 50) || (at >= 70 && at < 74);
  const taken: Reading[] = [];
  for (let at = 0; at < 120; at++)
    for (const device of ["a", "b"])
      taken.push({
        ...{ site: "hall", device, ts: timestamp(t0 + at * minute), received: timestamp(t0 + at * minute + 200) },
        quantities: { power_w: 1000, inlet_c: device === "a" && hot(at) ? 40 : 22 },
        flags: [],
      });
  await readings.write(taken);
  await ledger.commit(
    Array.from({ length: 120 }, (_, at) => ({
      ...{ op: "put" as const, kind: "account/1m", key: `hall/${t0 + at * minute}`, site: "hall" },
      ts: timestamp(t0 + at * minute),
      body: accountOf({ site: "hall", start: t0 + at * minute, end: t0 + (at + 1) * minute }) as unknown as Json,
    })),
  );
  return { readings, ledger };
};

const source = (holdS: number): string => `id: HOT
version: 2
title: { en: Hot, "zh-CN": 热 }
action: { en: Cool it, "zh-CN": 降温 }
on: reading
subject: device
inputs: [inlet_c]
parameters: { high_c: 35.0, low_c: 30.0 }
levels:
  - { severity: MAJOR, subcode: hot, trigger: inlet_c > high_c, hold_on_s: ${holdS}, clear: inlet_c < low_c, hold_off_s: 60 }
`;

const deskOf = async (own: readonly Rule[] = []) => {
  const past = await history();
  const maintenance = [{ name: "test", match: {}, cron: "30 8 * * *", time_zone: "UTC", minutes: 10 }];
  const desk = createBacktestDesk({
    ...{ ...past, sites: [model], rules: [...rules, ...own], hash: alertHash },
    maintenance: async () => maintenance,
  });
  return { ...past, ...desk };
};
const period = { site: "hall", from: t0, to: t0 + 120 * minute };

test("a rule file is tried alone: alerts, minutes in alarm, maintenance", async () => {
  const result = await (await deskOf()).backtest({ ...period, source: source(0) });
  expect(result).toMatchObject({
    ok: true,
    backtest: { readings: 240, accounts: 120, before: null, difference: null },
  });
  if (!result.ok) return;
  const { alerts, minutesInAlarm, duringMaintenance } = result.backtest.after;
  expect(alerts.map(({ subject, active }) => [subject, Math.round(((active ?? 0) - t0) / minute)])).toEqual([
    ["a", 30],
    ["a", 70],
  ]);
  expect(minutesInAlarm).toBeGreaterThan(20);
  expect(duringMaintenance).toBe(1);
});

test("two versions differ by the alerts added, removed and moved", async () => {
  const desk = await deskOf();
  const asked = { ...period, before_source: source(0), tolerance_s: 600 };
  const longer = await desk.backtest({ ...asked, source: source(300) });
  expect(longer).toMatchObject({ ok: true, backtest: { difference: { same: 0, added: [] } } });
  if (!longer.ok) return;
  const at = ({ active }: { active: number | null }): number => Math.round(((active ?? 0) - t0) / minute);
  expect(longer.backtest.difference?.removed.map(at)).toEqual([70]);
  expect(longer.backtest.difference?.moved.map(({ before, after }) => [at(before), at(after)])).toEqual([[30, 35]]);
  const equal = await desk.backtest({ ...asked, source: source(0) });
  expect(equal).toMatchObject({ ok: true, backtest: { difference: { same: 2, added: [], removed: [], moved: [] } } });
});

test("an acknowledged alert that would vanish is named", async () => {
  const parsed = parseRule(source(0), "hot.yaml");
  const desk = await deskOf(parsed.ok ? [parsed.rule] : []);
  const said = { by: "Ana", reason: "seen", at: t0 };
  const old = { rule: "HOT", subject: "a", subcode: "hot", acknowledged: said };
  const [kept, gone] = [t0 + 30 * minute, t0 + 70 * minute];
  await desk.ledger.commit([
    putAlert(alertOf({ ...old, id: "kept", start: kept, active: kept })),
    putAlert(alertOf({ ...old, id: "gone", start: gone, active: gone })),
    putAlert(alertOf({ ...old, id: "silent", start: gone, active: gone, acknowledged: null })),
  ]);
  const result = await desk.backtest({ ...period, source: source(300), tolerance_s: 600 });
  expect(result).toMatchObject({ ok: true, backtest: { acknowledgedThatVanish: [{ id: "gone" }] } });
});

test("what cannot be tried is refused with its reason", async () => {
  const desk = await deskOf();
  expect(await desk.backtest({ ...period, rule: "R99" })).toMatchObject({ ok: false, code: "RULES_RULE_UNKNOWN" });
  expect(await desk.backtest({ ...period, source: "id: 7" })).toMatchObject({ ok: false, code: "RULES_FILE_INVALID" });
  expect(await desk.backtest({ ...period, site: "moon", rule: "R04" })).toMatchObject({ ok: false });
  expect(await desk.backtest({ ...period, to: 0, rule: "R04" })).toMatchObject({ code: "RULES_COMMAND_INVALID" });
  const [first, second] = await Promise.all([
    desk.backtest({ ...period, rule: "R04" }),
    desk.backtest({ ...period, rule: "R04" }),
  ]);
  expect(first.ok).toBe(true);
  expect(second).toMatchObject({ code: "RULES_BACKTEST_BUSY" });
});
