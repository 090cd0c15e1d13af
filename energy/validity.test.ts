import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Reading, type Timestamp } from "#store";
import type { Account } from "./account.ts";
import { startEnergy } from "./book.ts";
import { openBooks } from "./books.fixture.ts";
import { composeAccounts } from "./compose.ts";
import { energySchema } from "./config.ts";
import { loadSites } from "./load.ts";
import type { Samples } from "./meter.ts";
import { accountMinute } from "./minute.ts";
import type { SiteModel } from "./model.ts";
import { sampleKey } from "./node-account.ts";
import { modelAt, versionsOf } from "./validity.ts";

const minuteMs = 60_000;
const t0 = Date.parse("2026-06-01T00:00:00+08:00");
const swapAt = t0 + 7 * minuteMs;

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "wattlas-validity-"));
});
afterEach(() => rm(dir, { recursive: true }));

const file = (top: string, hall: string): string => `site: s
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
${top}
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, ${hall} }] }
`;
const old = file("", "device: hall, energy_forward: energy_import_wh, power: null");
const load = async (files: Readonly<Record<string, string>>, now: number) => {
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return loadSites(dir, now);
};
const site = async (newer: string, now = t0 + 86_400_000): Promise<SiteModel> => {
  const loaded = await load({ "a.yaml": old, "b.yaml": newer }, now);
  const [only, ...more] = loaded.ok ? loaded.sites : [];
  if (only === undefined || more.length > 0) throw new Error(JSON.stringify(loaded));
  return only;
};

/** The hall takes 60 kW; its register of `device` shows that from `offset` on, in `[from, to]`. */
const register = (offset: number, from: number, to: number): Samples => {
  const ts: number[] = [];
  for (let at = from; at <= to; at += 10_000) ts.push(at);
  return { ts, value: ts.map((at) => offset + ((at - t0) * 60_000) / 3_600_000) };
};
const join2 = (a: Samples, b: Samples): Samples => ({ ts: [...a.ts, ...b.ts], value: [...a.value, ...b.value] });
const grid = register(5000, t0 - minuteMs, t0 + 20 * minuteMs);
const energies = (model: SiteModel, columns: ReadonlyMap<string, Samples>): readonly (number | null | undefined)[] =>
  Array.from(
    { length: 15 },
    (_, index) => accountMinute(model, t0 + index * minuteMs, columns, { bridgeMs: 3_600_000 }).nodes.hall?.forwardWh,
  );

describe("files of one site", () => {
  test("follow each other by their validity dates, the one in force now leads", async () => {
    const newer = file("valid_from: 2026-06-01T00:07", "device: hall-2, energy_forward: energy_import_wh");
    const now = await site(newer);
    expect(now.revision).toMatch(/^[0-9a-f]{12}@2026-06-01T00:07$/);
    expect(versionsOf(now).map(({ validFrom }) => validFrom)).toEqual([undefined, swapAt]);
    expect(modelAt(now, swapAt - 1).revision).toMatch(/^[0-9a-f]{12}$/);
    expect(modelAt(now, swapAt)).toBe(now);
    const before = await site(newer, swapAt - 1);
    expect(before.validFrom).toBeUndefined();
    expect(modelAt(before, swapAt).validFrom).toBe(swapAt);
  });
  test("of one date, one time zone and one currency are asked for", async () => {
    const loaded = await load(
      {
        "a.yaml": old,
        "b.yaml": file("valid_from: 2026-07-01", "device: hall").replace("Asia/Shanghai", "Europe/Berlin"),
        "c.yaml": file("valid_from: 2026-08-01", "device: hall").replace("CNY", "EUR"),
        "d.yaml": old,
        "e.yaml": file("valid_from: 2026-07-01T00:00:30", "device: hall"),
        "f.yaml": file("", "device: hall, swap: { started: { forward_wh: 0 } }"),
      },
      t0,
    );
    expect(loaded.ok ? [] : loaded.faults.map(({ message }) => message)).toEqual([
      expect.stringContaining("time_zone is Europe/Berlin, but"),
      expect.stringContaining("currency is EUR, but"),
      expect.stringContaining('site "s" is already described by'),
      expect.stringContaining("valid_from: must be a local day or minute"),
      expect.stringContaining("a swap needs valid_from"),
    ]);
  });
});

describe("a meter swap in the middle of a window", () => {
  const truth = Array.from({ length: 15 }, () => expect.closeTo(1000, 6));
  test("is accounted from both meters when both devices report", async () => {
    const model = await site(file("valid_from: 2026-06-01T00:07", "device: hall-2, energy_forward: energy_import_wh"));
    const columns = new Map([
      [sampleKey("grid", "energy_import_wh"), grid],
      [sampleKey("hall", "energy_import_wh"), register(900_000, t0 - minuteMs, swapAt)],
      [sampleKey("hall-2", "energy_import_wh"), register(17, swapAt, t0 + 20 * minuteMs)],
    ]);
    expect(energies(model, columns)).toEqual(truth);
  });
  test("of the same device, with the readings of the swap record, loses nothing and takes no difference across it", async () => {
    const newer = file(
      "valid_from: 2026-06-01T00:07",
      "device: hall, energy_forward: energy_import_wh, power: null, swap: { ended: { forward_wh: 907000 }, started: { forward_wh: 7017 } }",
    );
    const model = await site(newer);
    const columns = new Map([
      [sampleKey("grid", "energy_import_wh"), grid],
      [
        sampleKey("hall", "energy_import_wh"),
        // The meter was dark for a minute on both sides.
        join2(register(900_000, t0 - minuteMs, swapAt - minuteMs), register(17, swapAt + minuteMs, t0 + 20 * minuteMs)),
      ],
    ]);
    expect(energies(model, columns)).toEqual(truth);
    const minutes = Array.from({ length: 15 }, (_, index) =>
      accountMinute(model, t0 + index * minuteMs, columns, { bridgeMs: 3_600_000 }),
    );
    const quarter = composeAccounts(model, { step: "15m", start: t0, end: t0 + 15 * minuteMs }, minutes);
    expect(quarter.nodes.hall?.forwardWh).toBeCloseTo(15_000, 6);
    expect(quarter.flags).toContain("BOUNDARY_CHANGED");
    expect(new Set(minutes.map((account) => account.model)).size).toBe(2);
  });
  test("without the readings of the record leaves a gap, never a reset", async () => {
    const newer = file(
      "valid_from: 2026-06-01T00:07",
      "device: hall, energy_forward: energy_import_wh, power: null, swap: {}",
    );
    const columns = new Map([
      [
        sampleKey("hall", "energy_import_wh"),
        join2(register(900_000, t0, swapAt - minuteMs), register(17, swapAt + minuteMs, t0 + 20 * minuteMs)),
      ],
    ]);
    const found = energies(await site(newer), columns);
    expect(found.map((wh) => wh === null)).toEqual(
      Array.from({ length: 15 }, (_, index) => index === 6 || index === 7),
    );
  });
});

describe("the books", () => {
  const reading = (ts: number, device: string): Reading => ({
    ...{ site: "s", device, ts: ts as Timestamp, received: (ts + 100) as Timestamp, flags: [] },
    quantities: { power_w: 60_000, energy_import_wh: 5000 + ((ts - t0) * 60_000) / 3_600_000 },
  });
  const between = (from: number, to: number): Reading[] =>
    Array.from({ length: (to - from) / 10_000 + 1 }, (_, index) => from + index * 10_000).flatMap((ts) => [
      reading(ts, "grid"),
      reading(ts, "hall"),
    ]);
  const revisionsOf = (accounts: readonly Account[]) => [...new Set(accounts.map((account) => account.model))];

  test("restate what a newly dated file covers, and keep the old model for old windows through restarts and late data", async () => {
    const readings = createMemoryReadings();
    const ledger = createMemoryLedger();
    const errors: unknown[] = [];
    const run = async (model: SiteModel, act: () => Promise<unknown>) => {
      await using energy = await startEnergy(energySchema.parse({}), {
        ...{ readings, ledger, sites: [model], publish: () => undefined },
        ...{ onError: (error: unknown) => errors.push(error), now: () => t0 + 21 * minuteMs },
      });
      await act();
      await energy.settled();
      return (await energy.accounts({ site: "s", step: "1m", from: t0, to: t0 + 20 * minuteMs, limit: 100 })).items;
    };
    const loaded = await load({ "a.yaml": old }, t0);
    const first = loaded.ok ? loaded.sites[0] : undefined;
    if (first === undefined) throw new Error("no site");
    const before = await run(first, () => readings.write(between(t0, t0 + 20 * minuteMs)));
    expect(revisionsOf(before)).toEqual([first.revision]);

    const swapped = await site(file("valid_from: 2026-06-01T00:07", "device: hall, energy_forward: energy_import_wh"));
    const after = await run(swapped, async () => undefined);
    expect(after.slice(0, 7)).toEqual(before.slice(0, 7));
    expect(revisionsOf(after.slice(7))).toEqual([swapped.revision]);
    expect(after.slice(7).every(({ revision }) => revision === 2)).toBe(true);

    const late = { ...reading(t0 + 2 * minuteMs + 5000, "grid"), quantities: { power_w: 90_000 } };
    const restated = await run(swapped, () => readings.write([late]));
    expect(restated[2]).toMatchObject({ revision: 2, model: first.revision });
    expect(errors).toEqual([]);
  });

  test("hand a running product over to the next model at its instant, without a restart", async () => {
    const readings = createMemoryReadings();
    const ledger = createMemoryLedger();
    const model = await site(
      file("valid_from: 2026-06-01T00:07", "device: hall-2, energy_forward: energy_import_wh"),
      t0,
    );
    const clock = { at: t0 + 6 * minuteMs };
    await using energy = await openBooks(model, { readings, ledger }, () => clock.at);
    const deviceOf = (of: SiteModel | undefined) =>
      of?.nodes.find(({ id }) => id === "hall")?.points.map(({ device }) => device);
    const ratedNow = async () => (await energy.now("s"))?.nodes.find(({ id }) => id === "hall")?.powerW;
    await readings.write(between(t0, clock.at));
    await energy.settled();
    expect(deviceOf(energy.sites()[0])).toEqual(["hall"]);
    expect(await ratedNow()).toBeCloseTo(60_000, 3);

    const instant = model.versions?.[0]?.validFrom ?? 0;
    expect(instant).toBe(t0 + 7 * minuteMs);
    clock.at = instant - 1;
    expect(deviceOf(energy.sites()[0])).toEqual(["hall"]);
    clock.at = instant;
    expect(deviceOf(energy.sites()[0])).toEqual(["hall-2"]);
    await readings.write(between(instant, instant + 60_000));
    await energy.settled();
    // Its meter has not spoken yet: what the old one says is not the hall's any more.
    expect(await ratedNow()).toBeNull();
    expect(deviceOf(energy.sites()[0])).toEqual(["hall-2"]);
  });
});
