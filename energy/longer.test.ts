import { expect, test } from "vitest";
import type { Timestamp } from "#store";
import type { Account, AccountStep } from "./account.ts";
import { createLongerAccounts, createPending, type Owed } from "./longer.ts";
import { createRecentAccounts } from "./recent.ts";
import { parseSite } from "./site.ts";
import { createSiteBook } from "./site-book.ts";

const parsed = parseSite(
  `site: hall
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 400000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, power: power_w, interval_s: 60 }] }
  - { id: hall, kind: it, points: [{ code: MP.UPS.OUT.1, device: hall, power: power_w, interval_s: 60 }] }
  - { id: bess, kind: battery, capacity_wh: 100000, points: [{ code: MP.BESS.DIS, device: bess, power: power_w, soc: soc_pct, interval_s: 60 }] }
`,
  "hall.yaml",
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
const { site: model } = parsed;
const minuteMs = 60_000;
const t0 = Date.parse("2026-03-01T20:00:00+08:00");

type Kept = Map<string, Account>;
const keyOf = ({ step, start }: Account): string => `${step}/${start}`;
const readFrom = (kept: Kept) => async (step: AccountStep, from: number, to: number) =>
  [...kept.values()]
    .filter((account) => account.step === step && account.start >= from && account.start < to)
    .sort((a, b) => a.start - b.start);

/** Nine hours over midnight in which a battery is charged and discharged. */
const booked = async (): Promise<Kept> => {
  const kept: Kept = new Map();
  const deps = {
    ...{ latenessMs: 10_000, catchupWaitMs: minuteMs, bridgeMs: 3_600_000 },
    ...{ readRange: async () => [], dataRevision: () => "1", readAccounts: readFrom(kept) },
  };
  const book = createSiteBook(model, deps, null);
  for (let minute = 0; minute < 9 * 60 + 5; minute++) {
    const ts = (t0 + minute * minuteMs) as Timestamp;
    const bessW = 20_000 * Math.sin(minute / 40);
    const take = (device: string, quantities: Record<string, number>) =>
      book.take({ site: "hall", device, ts, received: (ts + 3_600_000) as Timestamp, quantities, flags: [] });
    take("hall", { power_w: 50_000 });
    take("bess", { power_w: bessW, soc_pct: 50 });
    take("grid", { power_w: 50_000 - bessW });
  }
  for (let chunk = await book.next(); chunk !== null; chunk = await book.next())
    for (const account of chunk.done([])) kept.set(keyOf(account), account);
  return kept;
};

/** A quarter is restated to have left more in store, and what follows is paid in slices; each by a book that is new. */
const pay = async (quartersAtOnce: number) => {
  const kept = await booked();
  const accounts = [...kept.values()];
  const first = accounts.find(({ step, storage }) => step === "15m" && storage !== undefined);
  const held = first?.storage?.bess;
  if (first === undefined || held === undefined) throw new Error("BUG: the battery has no books");
  const closing = { ...held.closing, energyWh: held.closing.energyWh + 5000, gridWh: held.closing.gridWh + 5000 };
  kept.set(keyOf(first), { ...first, storage: { bess: { ...held, closing } } });
  const before = Math.max(...accounts.filter(({ step }) => step === "1m").map(({ end }) => end));
  const paid: string[] = [];
  let slices = 0;
  let owed: Owed | null = null;
  do {
    const longer = createLongerAccounts(model, {
      ...{ recent: createRecentAccounts(3), readAccounts: readFrom(kept), quartersAtOnce },
      runs: (starts) => (starts.length === 0 ? [] : [starts]),
    });
    owed ??= longer.owe(null, [first], before);
    if (owed === null) throw new Error("BUG: nothing is owed");
    const slice = await longer.pay(owed, { before, after: before }, createPending());
    for (const account of slice.accounts) {
      kept.set(keyOf(account), account);
      paid.push(keyOf(account));
    }
    owed = slice.owed;
    slices++;
  } while (owed !== null);
  return { kept, paid, slices };
};

test("what follows from a restated quarter is the same at once and in slices that go on after a restart", async () => {
  const whole = await pay(1000);
  const sliced = await pay(5);
  expect(whole.slices).toBe(1);
  expect(sliced.slices).toBe(8);
  expect(sliced.kept).toEqual(whole.kept);
  expect([...sliced.paid].sort()).toEqual([...whole.paid].sort());
});

test("what follows from a restated quarter is restated once, hours and the day too", async () => {
  const { paid, kept } = await pay(7);
  expect(new Set(paid).size).toBe(paid.length);
  expect(paid.filter((key) => key.startsWith("15m/")).length).toBeGreaterThan(20);
  expect(paid.filter((key) => key.startsWith("1h/")).length).toBeGreaterThan(6);
  const quarters = [...kept.values()].filter(({ step }) => step === "15m").sort((a, b) => a.start - b.start);
  for (const [index, { storage }] of quarters.entries())
    if (index > 0)
      expect(storage?.bess?.opening.gridWh).toBeCloseTo(quarters[index - 1]?.storage?.bess?.closing.gridWh ?? 0, 6);
});
