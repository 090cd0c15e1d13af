import { describe, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Reading, type Timestamp } from "#store";
import type { AccountStep } from "./account.ts";
import { startEnergy } from "./book.ts";
import { energySchema } from "./config.ts";
import { parseSite } from "./site.ts";

const minuteMs = 60_000;
const t0 = Date.parse("2026-11-16T00:00:00+08:00");

const modelIn = (timeZone: string) => {
  const parsed = parseSite(
    `site: s
time_zone: ${timeZone}
currency: CNY
bus_rating_w: 100000
nodes:
  - id: grid
    kind: grid
    rating_w: 60000
    points: [{ code: MP.PCC, device: grid, power: power_w, energy_forward: energy_import_wh, register: { modulus_wh: 100000000 }, interval_s: 60 }]
  - id: hall
    kind: it
    rating_w: 60000
    points: [{ code: MP.IT, device: hall, power: power_w, energy_forward: energy_import_wh, register: { modulus_wh: 100000000 }, interval_s: 60, sentinels: [-9999, 65535] }]
`,
    "s.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};

type Values = Readonly<Record<string, number>>;
const hourWh = 12_000;
/** What a healthy meter says at a minute: 12 kW that breathe a little, and its register. */
const healthy = (minute: number): Values => ({
  power_w: hourWh + 600 * Math.sin(minute / 7),
  energy_import_wh: 5_000_000 + 200 * minute,
});

interface Story {
  readonly minutes?: number;
  /** What the hall's meter says instead; null is silence. */
  readonly hall?: (minute: number) => Values | null;
  readonly order?: (readings: readonly Reading[]) => readonly Reading[];
  /** How long after its time the hall's reading comes. */
  readonly lag?: (minute: number) => number;
  readonly zone?: string;
  readonly from?: number;
}

/** The accounts of a site after everything came in. */
const books = async ({
  minutes = 62,
  hall = healthy,
  order = (all) => all,
  lag = () => 500,
  zone = "Asia/Shanghai",
  from = t0,
}: Story) => {
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger();
  const all: Reading[] = [];
  for (let minute = 0; minute <= minutes; minute++) {
    const ts = from + minute * minuteMs;
    for (const [device, quantities] of [["grid", healthy(minute)] as const, ["hall", hall(minute)] as const])
      if (quantities !== null)
        all.push({
          site: "s",
          device,
          ts: ts as Timestamp,
          received: (ts + (device === "hall" ? lag(minute) : 500)) as Timestamp,
          quantities,
          flags: [],
        });
  }
  await using energy = await startEnergy(energySchema.parse({}), {
    readings,
    ledger,
    sites: [modelIn(zone)],
    publish: () => undefined,
    onError: (error) => {
      throw error;
    },
    now: () => from,
  });
  const ordered = order(all);
  for (let index = 0; index < ordered.length; index += 20) {
    await readings.write(ordered.slice(index, index + 20));
    await energy.settled();
  }
  const list = async (step: AccountStep) =>
    (await energy.accounts({ site: "s", step, from: 0, to: from + 400 * 86_400_000, limit: 5000 })).items;
  const kpis = await energy.kpis({ site: "s", from, to: from + 60 * minuteMs });
  return {
    minutes: await list("1m"),
    quarters: await list("15m"),
    hours: await list("1h"),
    days: await list("1d"),
    kpis,
  };
};
const hallOf = (accounts: Awaited<ReturnType<typeof books>>["hours"], index = 0) => {
  const node = accounts[index]?.nodes.hall;
  return { wh: node?.forwardWh, quality: node?.quality, flags: node?.flags };
};
const at = (minute: number, values: Values) => (now: number) => (now === minute ? values : healthy(now));
const near = (value: number) => expect.closeTo(value, 6);

describe("bad input raises its flag and quality", () => {
  test("none does not: a healthy hour is measured and unflagged", async () => {
    expect(hallOf((await books({})).hours)).toEqual({ wh: near(hourWh), quality: "MEASURED", flags: [] });
  });

  test("a meter that is reset: COUNTER_RESET, partly estimated, energy a lower bound", async () => {
    const hall = (minute: number) => ({
      ...healthy(minute),
      energy_import_wh: minute < 30 ? 5_000_000 + 200 * minute : 100 + 200 * (minute - 30),
    });
    expect(hallOf((await books({ hall })).hours)).toEqual({
      wh: near(hourWh - 100),
      quality: "PARTLY_ESTIMATED",
      flags: ["COUNTER_RESET"],
    });
  });

  test("a register that rolls over: COUNTER_ROLLOVER, measured, nothing lost", async () => {
    const hall = (minute: number) => ({
      ...healthy(minute),
      energy_import_wh: (99_996_000 + 200 * minute) % 100_000_000,
    });
    expect(hallOf((await books({ hall })).hours)).toEqual({
      wh: near(hourWh),
      quality: "MEASURED",
      flags: ["COUNTER_ROLLOVER"],
    });
  });

  test("a sentinel in a register: COUNTER_SPIKE, left out, energy goes on from before it", async () => {
    const hour = hallOf((await books({ hall: at(30, { ...healthy(30), energy_import_wh: 65_535_000 }) })).hours);
    expect(hour).toMatchObject({ wh: near(hourWh), flags: ["COUNTER_SPIKE"] });
  });

  test("a sentinel in a gauge, by the ends of 32 bits: SENTINEL, left out, the register's energy stays measured", async () => {
    for (const end of [-(2 ** 31), 2 ** 31 - 1, 2 ** 32 - 1]) {
      const { hours, minutes } = await books({ hall: at(30, { ...healthy(30), power_w: end }) });
      expect(hallOf(hours)).toEqual({ wh: near(hourWh), quality: "MEASURED", flags: ["SENTINEL"] });
      expect(hours[0]?.nodes.hall?.maxW).toBeLessThan(hourWh + 601);
      expect(hours[0]?.nodes.hall?.minW).toBeGreaterThan(hourWh - 601);
      expect(minutes.filter(({ nodes }) => nodes.hall?.flags.includes("SENTINEL")).map(({ start }) => start)).toEqual([
        t0 + 30 * minuteMs,
      ]);
      expect(hours[0]?.flags).toContain("SENTINEL");
    }
  });

  test("a sentinel that the site file names (-9999, 0xFFFF): SENTINEL, left out; without a name it is a value", async () => {
    for (const named of [-9999, 65_535]) {
      const { hours } = await books({ hall: at(30, { ...healthy(30), power_w: named }) });
      expect(hallOf(hours)).toEqual({ wh: near(hourWh), quality: "MEASURED", flags: ["SENTINEL"] });
    }
    const { hours } = await books({ hall: at(30, { ...healthy(30), power_w: -32_768 }) });
    expect(hours[0]?.nodes.hall?.minW).toBe(-32_768);
  });

  test("a sentinel in a gauge without a register: SENTINEL, partly estimated over its neighbours", async () => {
    const only = (minute: number): Values => ({ power_w: minute === 30 ? -9999 : (healthy(minute).power_w ?? 0) });
    const { hours } = await books({ hall: only });
    expect(hallOf(hours)).toMatchObject({ quality: "PARTLY_ESTIMATED", flags: expect.arrayContaining(["SENTINEL"]) });
    expect(
      Math.abs(
        (hallOf(hours).wh ?? 0) -
          (hallOf((await books({ hall: (minute) => ({ power_w: healthy(minute).power_w ?? 0 }) })).hours).wh ?? 0),
      ),
    ).toBeLessThan(5);
  });

  test("a gauge that says nothing but its sentinel: SENTINEL and COVERAGE_LOW, unknown, never zero and never negative", async () => {
    const { hours, kpis } = await books({ hall: () => ({ power_w: -9999 }) });
    expect(hallOf(hours)).toEqual({
      wh: null,
      quality: "INVALID",
      flags: expect.arrayContaining(["SENTINEL", "COVERAGE_LOW"]),
    });
    expect(kpis.find(({ kpi }) => kpi === "pue")).toMatchObject({ value: null, quality: "INVALID" });
  });

  test("a sentinel in a register that the site file names: SENTINEL, no spike, measured", async () => {
    const { hours } = await books({ hall: at(30, { ...healthy(30), energy_import_wh: 65_535 }) });
    expect(hallOf(hours)).toEqual({ wh: near(hourWh), quality: "MEASURED", flags: ["SENTINEL"] });
  });

  test("a float32 register past its 24 bits: REGISTER_COARSE, partly estimated, nothing lost", async () => {
    // 33.5 GWh: the register moves in steps of 4 kWh, twenty minutes of this hall.
    const kwh = (minute: number) => Math.fround(40_000_000 + 0.2 * minute);
    const { hours } = await books({ minutes: 182, hall: (minute) => ({ energy_import_wh: kwh(minute) * 1000 }) });
    const wh = [0, 1, 2].map((index) => hallOf(hours, index).wh ?? 0);
    expect(wh.reduce((sum, one) => sum + one, 0)).toBeCloseTo((kwh(180) - kwh(0)) * 1000, 3);
    expect(hallOf(hours, 1)).toMatchObject({ quality: "PARTLY_ESTIMATED", flags: ["REGISTER_COARSE"] });
  });

  test("readings out of order and twice: the accounts are those of the right order, without a flag", async () => {
    const shuffled = (all: readonly Reading[]) =>
      [...all, ...all.slice(10, 60)]
        .map((one, index) => ({ one, key: (index * 7919) % 97 }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }) => one);
    const [plain, odd] = [await books({}), await books({ order: shuffled })];
    expect(hallOf(odd.hours)).toEqual(hallOf(plain.hours));
    expect(odd.minutes.slice(1, 60).map(({ totals }) => totals)).toEqual(
      plain.minutes.slice(1, 60).map(({ totals }) => totals),
    );
  });

  test("a missing feed: MISSING and COVERAGE_LOW, unknown, never zero, and no KPI from it", async () => {
    const { hours, kpis } = await books({ hall: () => null });
    expect(hours[0]).toMatchObject({
      quality: "INVALID",
      totals: { itWh: null },
      nodes: { hall: { forwardWh: null } },
    });
    expect(hours[0]?.flags).toContain("COVERAGE_LOW");
    const pue = kpis.find(({ kpi }) => kpi === "pue");
    expect(pue).toMatchObject({
      value: null,
      quality: "INVALID",
      flags: expect.arrayContaining(["MISSING:hall", "NO_DATA"]),
    });
  });

  test("a register that says nothing while its gauge does: REGISTER_MISSING, estimated by power", async () => {
    const { hours } = await books({ hall: (minute) => ({ power_w: hourWh + 600 * Math.sin(minute / 7) }) });
    expect(hallOf(hours)).toMatchObject({ quality: "PARTLY_ESTIMATED", flags: ["REGISTER_MISSING"] });
  });

  test("a silent quarter of an hour: the register tells its energy, marked as shared out", async () => {
    const { hours } = await books({ hall: (minute) => (minute > 20 && minute < 35 ? null : healthy(minute)) });
    expect(hallOf(hours)).toEqual({ wh: near(hourWh), quality: "ESTIMATED", flags: ["COVERAGE_LOW"] });
  });

  test("values that are null say nothing: no zero is booked, the register tells the energy of the time", async () => {
    const { hours, minutes } = await books({
      hall: (minute) => (minute >= 20 && minute < 22 ? { power_w: healthy(minute).power_w ?? 0 } : healthy(minute)),
    });
    expect(hallOf(hours)).toMatchObject({ wh: near(hourWh), quality: "MEASURED" });
    expect(minutes.slice(1, 60).every(({ nodes }) => Math.abs((nodes.hall?.forwardWh ?? 0) - 200) < 1e-6)).toBe(true);
  });

  test("a register labelled by the end of its quarters and taken for their start: every quarter shows the one before", async () => {
    // A register read at its label is right whichever way; one of interval energies is normalised on import.
    const climbing = (minute: number): Values => ({ energy_import_wh: 5_000_000 + minute ** 2 });
    const { quarters } = await books({ hall: climbing });
    const late = await books({
      hall: climbing,
      order: (all) =>
        all.map((one) => (one.device === "hall" ? { ...one, ts: (one.ts + 15 * minuteMs) as Timestamp } : one)),
    });
    expect(hallOf(quarters, 1).wh).toBeCloseTo(675, 6);
    expect(hallOf(late.quarters, 2).wh).toBeCloseTo(675, 6);
  });

  test("a register that stands while power flows: DATA_FROZEN, no longer called measured", async () => {
    const { quarters, hours } = await books({
      hall: (minute) => ({ ...healthy(minute), energy_import_wh: 5_000_000 }),
    });
    expect(hallOf(quarters, 1)).toEqual({ wh: 0, quality: "ESTIMATED", flags: ["DATA_FROZEN"] });
    expect(hours[0]).toMatchObject({ quality: "ESTIMATED", flags: expect.arrayContaining(["DATA_FROZEN"]) });
  });

  test("a frozen meter under an account: the quality of the quarter, the hour and the day with it", async () => {
    const { quarters, hours, days } = await books({
      minutes: 24 * 60 + 2,
      hall: (minute) => (minute <= 60 ? { power_w: hourWh } : healthy(minute)),
    });
    expect(hours[0]).toMatchObject({ quality: "ESTIMATED", flags: expect.arrayContaining(["DATA_FROZEN"]) });
    expect(days[0]).toMatchObject({ quality: "ESTIMATED", flags: expect.arrayContaining(["DATA_FROZEN"]) });
    expect([hours[2]?.quality, hours[2]?.flags]).toEqual(["MEASURED", expect.not.arrayContaining(["DATA_FROZEN"])]);
    expect(quarters[8]?.quality).toBe("MEASURED");
  });

  test("a gauge that shows one value for an hour while the site and its own register move: DATA_FROZEN", async () => {
    const { hours } = await books({ hall: (minute) => ({ ...healthy(minute), power_w: 0.9 * hourWh }) });
    expect(hallOf(hours)).toMatchObject({ wh: near(hourWh), flags: ["DATA_FROZEN"] });
  });

  test("a gauge without a register that shows one value while the site moves: DATA_FROZEN", async () => {
    const { hours } = await books({ hall: () => ({ power_w: hourWh }) });
    expect(hallOf(hours).flags).toContain("DATA_FROZEN");
  });

  test("a constant load that its own register bears out is not frozen", async () => {
    const { hours } = await books({ hall: (minute) => ({ ...healthy(minute), power_w: hourWh }) });
    expect(hallOf(hours)).toEqual({ wh: near(hourWh), quality: "MEASURED", flags: [] });
  });

  test("a load that is really idle is not frozen", async () => {
    const { hours } = await books({ hall: () => ({ power_w: 0, energy_import_wh: 5_000_000 }) });
    expect(hallOf(hours)).toEqual({ wh: 0, quality: "MEASURED", flags: [] });
  });

  test("a reversed transformer: METER_SUSPECT names the hall, its energy stays as it was read", async () => {
    const { hours } = await books({
      hall: (minute) => ({ ...healthy(minute), power_w: -(healthy(minute).power_w ?? 0) }),
    });
    expect(hours[0]?.flags).toContain("METER_SUSPECT");
    expect(hours[0]?.balance).toMatchObject({ suspect: { node: "hall" } });
    expect(hallOf(hours).wh).toBeCloseTo(hourWh, 6);
  });

  test("a meter whose clock is a minute ahead: CLOCK_SKEW, partly estimated, from the first minute on", async () => {
    const ahead = (all: readonly Reading[]) =>
      all.map((one) => (one.device === "hall" ? { ...one, ts: (one.ts + minuteMs) as Timestamp } : one));
    const { minutes, hours, kpis } = await books({ order: ahead });
    const marks = { quality: "PARTLY_ESTIMATED", flags: expect.arrayContaining(["CLOCK_SKEW"]) };
    expect(minutes[0]?.nodes.hall).toMatchObject({ forwardWh: null, quality: "INVALID" });
    for (const minute of minutes.slice(1, 60)) {
      expect(minute).toMatchObject(marks);
      expect(minute.nodes.hall).toMatchObject({ ...marks, lagMs: -59_500 });
      expect(minute.nodes.grid?.flags).toEqual([]);
    }
    expect(hours[0]).toMatchObject({ ...marks, nodes: { hall: { ...marks, lagMs: -59_500 } } });
    expect(kpis.find(({ kpi }) => kpi === "pue")).toMatchObject(marks);
  });

  test("a meter whose clock is systematically behind: CLOCK_SKEW by the quarter, its energy as it was dated", async () => {
    const { quarters, hours, days } = await books({ lag: () => 20_000, minutes: 24 * 60 + 2 });
    const marks = { quality: "PARTLY_ESTIMATED", flags: expect.arrayContaining(["CLOCK_SKEW"]) };
    expect(hallOf(quarters, 1)).toEqual({ wh: near(hourWh / 4), quality: "PARTLY_ESTIMATED", flags: ["CLOCK_SKEW"] });
    expect(quarters[1]?.nodes.hall?.lagMs).toBe(20_000);
    for (const account of [quarters[1], hours[0], days[0]]) expect(account).toMatchObject(marks);
  });

  test("messages that are late now and then: no flag, a clock does not jump", async () => {
    const { hours } = await books({ lag: (minute) => (minute % 4 === 0 ? 500 : 30_000) });
    expect(hallOf(hours)).toEqual({ wh: near(hourWh), quality: "MEASURED", flags: [] });
  });

  test("a backlog that is sent after an outage: no flag, its lag shrinks", async () => {
    const { hours } = await books({ lag: (minute) => Math.max(500, (40 - minute) * minuteMs) });
    expect(hallOf(hours)).toEqual({ wh: near(hourWh), quality: "MEASURED", flags: [] });
  });

  test("days of 23 and 25 hours: every hour is accounted once, and the day holds them all", async () => {
    const hoursOf = async (day: string) => {
      const from = Date.parse(day);
      const { days, hours } = await books({ zone: "Europe/Berlin", from, minutes: 25 * 60 + 2 });
      return [hours.filter(({ start }) => start < (days[0]?.end ?? 0)).length, hallOf(days).wh, hallOf(days).quality];
    };
    expect(await hoursOf("2026-03-29T00:00:00+01:00")).toEqual([23, near(23 * hourWh), "MEASURED"]);
    expect(await hoursOf("2026-10-25T00:00:00+02:00")).toEqual([25, near(25 * hourWh), "MEASURED"]);
  });
});
