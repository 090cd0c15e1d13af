import { expect, test } from "vitest";
import type { Account, SiteModel } from "#energy";
import { createMemoryLedger, type Json, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { alertOf } from "../notify/alert.fixture.ts";
import { openPast } from "../past/past.ts";
import { putAlert } from "../record.ts";
import { parseRule, type Rule } from "../rule.ts";
import { accountOf, siteOf } from "../specimen.ts";
import { createWasteDesk } from "./desk.ts";
import { type Waste, wasteMeter } from "./waste.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const minute = 60_000;
const model = siteOf({ id: "hall", devices: ["a"], intervalMs: minute });

const ruleOf = (loss: string): ReturnType<typeof parseRule> =>
  parseRule(
    `id: EXPORT
version: 1
title: { en: Export, "zh-CN": 上网 }
action: { en: Store it, "zh-CN": 储存 }
on: account
subject: site
inputs: [export_w]
parameters: { most_w: 1000 }
let: { over_w: export_w - most_w }
${loss}
levels:
  - { severity: WARNING, subcode: "export", trigger: over_w > W(0), hold_on_s: 0, clear: over_w < W(-100), hold_off_s: 0 }
`,
    "export.yaml",
  );
const rule = (): Rule => {
  const parsed = ruleOf("loss: over_w");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.rule;
};
const wasteOf = (
  one: Alert,
  { now, accounts: given, ...rest }: { rule: Rule; model: SiteModel; accounts: readonly Account[]; now: number },
): Waste | null => {
  const meter = wasteMeter(one, { ...rest, until: one.returned ?? now });
  // By parts it is the same.
  meter?.take(given.slice(0, 5));
  meter?.take(given.slice(5));
  return meter?.waste() ?? null;
};
/** Ten minutes that export 7 kW, of which the fifth is not known; each used 1 kWh for 2 of money and 500 g. */
const accounts = Array.from({ length: 10 }, (_, at) => {
  const start = t0 + at * minute;
  const account = accountOf({ site: "hall", start, end: start + minute, exportW: at === 4 ? null : 7000 });
  return { ...account, totals: { ...account.totals, facilityWh: 1000, cost: 2, carbonG: 500 } };
});
const alert = alertOf({
  rule: "EXPORT",
  subject: "hall",
  start: t0,
  active: t0 + 2 * minute,
  returned: t0 + 8 * minute,
});

test("loss is the rule's formula over the minutes in which the alert was active; a gap is said", () => {
  const waste = wasteOf(alert, { rule: rule(), model, accounts, now: t0 });
  // 6 kW over five known minutes of six.
  expect(waste).toMatchObject({ minutes: 6, knownMinutes: 5 });
  expect(waste?.energyWh).toBeCloseTo(500);
  expect(waste?.cost).toBeCloseTo(1);
  expect(waste?.carbonG).toBeCloseTo(250);
});

test("a minute counts as far as the alert lasted in it, and an open alert until now", () => {
  const open = { ...alert, active: t0 + 30_000, returned: null };
  const waste = wasteOf(open, { rule: rule(), model, accounts, now: t0 + 2 * minute });
  expect(waste?.minutes).toBe(1.5);
  expect(waste?.energyWh).toBeCloseTo(150);
});

test("what is not known is null, never zero", () => {
  const unknown = wasteOf(
    { ...alert, active: t0 + 4 * minute, returned: t0 + 5 * minute },
    {
      ...{ rule: rule(), model, accounts, now: t0 },
    },
  );
  expect(unknown).toEqual({ energyWh: null, cost: null, carbonG: null, minutes: 1, knownMinutes: 0 });
  const without = ruleOf("");
  expect(without.ok && wasteOf(alert, { rule: without.rule, model, accounts, now: t0 })).toBe(null);
});

test("a loss that is no power is refused", () => {
  expect(ruleOf("loss: over_w > W(0)")).toMatchObject({ ok: false, faults: [{ line: 10 }] });
});

const desk = async (now: () => number) => {
  const ledger = createMemoryLedger({ now });
  await ledger.commit(
    accounts.map((account) => ({
      ...{ op: "put" as const, kind: "account/1m", key: `hall/${account.start}`, site: "hall" },
      ...{ ts: timestamp(account.start), body: account as unknown as Json },
    })),
  );
  const fail = (error: unknown): never => {
    throw error;
  };
  const waste = createWasteDesk({ ledger, sites: [model], rules: [rule()], now, fail });
  const { onAlert, onWaste } = waste;
  const open = async () => {
    const past = await openPast({ ledger, fail, onAlert, onWaste });
    waste.start(past);
    await past.loaded;
    return past;
  };
  return { ledger, waste, open };
};

test("alerts are ranked by what they lost, with what they lost kept", async () => {
  const { ledger, waste, open } = await desk(() => t0);
  const short = alertOf({ ...alert, id: "short", returned: t0 + 3 * minute });
  await ledger.commit([
    putAlert(short),
    putAlert({ ...alert, id: "long" }),
    putAlert(alertOf({ id: "other", start: t0 })),
  ]);
  await using past = await open();
  await using _ = waste;
  await waste.settled();
  const query = { site: "hall", from: t0, to: t0 + minute, limit: 10 };
  const { items, pending } = await waste.waste(query);
  expect(items.map(({ alert: { id } }) => id)).toEqual(["long", "short"]);
  expect(items[0]?.waste.energyWh).toBeCloseTo(500);
  expect(pending).toBe(0);
  expect((await waste.waste({ ...query, limit: 1 })).items.map(({ alert: { id } }) => id)).toEqual(["long"]);
  expect((await waste.waste({ ...query, rule: "R01" })).items).toEqual([]);
  expect(await ledger.get("alert-waste", "long")).toMatchObject({ body: { until: alert.returned, minutes: 6 } });
  // A restated account is another loss.
  await ledger.commit([putAlert({ ...alert, id: "long", returned: t0 + 2.5 * minute, restated: true })]);
  await past.list({ limit: 1 });
  await waste.settled();
  expect((await waste.waste(query)).items.map(({ alert: { id } }) => id)).toEqual(["short", "long"]);
});

test("an open alert ranks with what it lost so far", async () => {
  let now = t0 + 4 * minute;
  const { ledger, waste, open } = await desk(() => now);
  await ledger.commit([putAlert({ ...alert, id: "open", state: "ACTIVE", returned: null, closed: null })]);
  await using _past = await open();
  await using _ = waste;
  const lost = async () =>
    (await waste.waste({ limit: 10 })).items.map((item) => Math.round(item.waste.energyWh ?? -1));
  expect(await lost()).toEqual([200]);
  now = t0 + 6 * minute;
  expect(await lost()).toEqual([300]);
  now = t0 + 20 * minute;
  expect(await lost()).toEqual([700]);
});

test("a loss of money alone ranks among the dearest, and behind those of energy when they are asked for", async () => {
  const { ledger, waste, open } = await desk(() => t0);
  const priced = (id: string, at: number, loss: Partial<Record<"energyWh" | "cost" | "carbonG", number>>) => [
    putAlert({ ...alert, id, start: at }),
    {
      ...{ op: "put" as const, kind: "alert-waste", key: id, site: "hall", ts: timestamp(at) },
      body: { energyWh: null, cost: null, carbonG: null, ...loss, until: alert.returned, restated: false },
    },
  ];
  await ledger.commit([
    ...priced("energy", t0, { energyWh: 900, carbonG: 10 }),
    ...priced("money", t0 + 1, { cost: 7 }),
    ...priced("both", t0 + 2, { energyWh: 5, cost: 1 }),
    ...priced("none", t0 + 3, {}),
  ]);
  await using _past = await open();
  await using _ = waste;
  await waste.settled();
  const ranked = async (by?: "money" | "energy" | "carbon") =>
    (await waste.waste({ limit: 10, ...(by === undefined ? {} : { by }) })).items.map(({ alert: { id } }) => id);
  expect(await ranked()).toEqual(["money", "both", "energy", "none"]);
  expect(await ranked("energy")).toEqual(["energy", "both", "money", "none"]);
  expect(await ranked("carbon")).toEqual(["energy", "both", "money", "none"]);
});
