import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readingsOf } from "./columns.ts";
import { followColumnsOf } from "./follow-columns.ts";
import { readColumnsOf } from "./read-columns.ts";
import { type Reading, type ReadingFlag, readingFlags } from "./reading.ts";
import type { FollowPage, Page, Readings, ReadQuery, RollupColumns, RollupStep, Series } from "./readings.ts";
import { composeRollups, type RollupRow, rollupColumns } from "./rollup.ts";
import { timestamp } from "./unit.ts";

/** What an adapter's test hands to the suite: an empty store with a gap limit of 150 s. */
export interface ReadingsUnderTest {
  readonly readings: Readings;
  /** Resolves when everything acknowledged can be read; absent when that is at once. */
  readonly settled?: () => Promise<void>;
  /** Closes the store and opens it again on the same place; absent when nothing survives. */
  readonly reopen?: () => Promise<Readings>;
  readonly dispose: () => Promise<void>;
}

const minute = 60_000;
const hour = 3_600_000;
const day = 86_400_000;
const noon = Date.UTC(2026, 5, 1, 12);
// Beyond any test's own limit: who is not woken fails.
const longMs = 600_000;
const allTime = { from: timestamp(0), to: timestamp(Date.UTC(2100, 0, 1)), limit: 10_000 };

/** The promises of the readings port: every adapter's test runs them. */
export const readingsSuite = (name: string, open: () => Promise<ReadingsUnderTest>): void => {
  describe(`readings in ${name}`, () => {
    let store: ReadingsUnderTest;
    let readings: Readings;

    beforeEach(async () => {
      store = await open();
      readings = store.readings;
    });
    afterEach(() => store.dispose());

    const put = async (...batch: Reading[]) => {
      const result = await readings.write(batch);
      await store.settled?.();
      return result;
    };
    const stored = async (device = "r-1", query: Partial<ReadQuery> = {}) =>
      (await readings.read({ site: "demo", device, ...allTime, ...query })).items;
    const series = (step: "raw" | RollupStep, range: { from?: number; to?: number } = {}, device = "r-1") =>
      readings.series({
        site: "demo",
        device,
        quantity: "power_w",
        from: timestamp(range.from ?? 0),
        to: timestamp(range.to ?? allTime.to),
        step,
      });
    const follow = (cursor: string | null, more: { sites?: string[]; limit?: number; waitMs?: number } = {}) =>
      readings.follow({ cursor, limit: 10_000, waitMs: 0, ...more });

    describe("writing", () => {
      test("a reading comes back as it was written", async () => {
        const message = reading("r-1", 0, { power_w: 4213.5, energy_import_wh: 120331250 }, { flags: ["TS_MISSING"] });
        expect(await put(message)).toEqual({ accepted: 2, duplicates: 0, corrections: 0, rejected: [] });
        expect(await stored()).toEqual([message]);
      });

      test("an equal reading again is counted and changes nothing", async () => {
        const message = reading("r-1", 0, { power_w: 1, voltage_v: 2 });
        await put(message);
        expect(await put({ ...message, received: timestamp(message.received + 5) })).toEqual({
          accepted: 0,
          duplicates: 2,
          corrections: 0,
          rejected: [],
        });
        expect(await stored()).toEqual([message]);
      });

      test("a duplicate inside one batch is counted", async () => {
        const message = reading("r-1", 0, { power_w: 1 });
        expect(await put(message, message)).toMatchObject({ accepted: 1, duplicates: 1, corrections: 0 });
        expect(await stored()).toHaveLength(1);
      });

      test("quantities of one device at one time merge", async () => {
        await put(reading("r-1", 0, { power_w: 1 }, { flags: ["LATE"] }));
        expect(await put(reading("r-1", 0, { voltage_v: 230 }, { flags: ["QUANTITY_UNKNOWN"] }))).toMatchObject({
          accepted: 1,
          duplicates: 0,
          corrections: 0,
        });
        const [merged, ...more] = await stored();
        expect(more).toEqual([]);
        expect(merged?.quantities).toEqual({ power_w: 1, voltage_v: 230 });
        expect(merged?.flags.toSorted()).toEqual(["LATE", "QUANTITY_UNKNOWN"]);
      });

      test("a different value is a correction, and the old value stays readable", async () => {
        await put(reading("r-1", 0, { power_w: 1, voltage_v: 230 }));
        expect(await put(reading("r-1", 0, { power_w: 2 }, { receivedAfter: 9 }))).toMatchObject({
          accepted: 0,
          duplicates: 0,
          corrections: 1,
        });
        expect((await stored())[0]?.quantities).toEqual({ power_w: 2, voltage_v: 230 });
        const old = await readings.corrections({ site: "demo", device: "r-1", ...allTime });
        expect(old.items).toEqual([
          { site: "demo", device: "r-1", ts: noon, quantity: "power_w", was: 1, replaced: noon + 9 },
        ]);
      });

      test("every value a correction replaced is kept, in pages", async () => {
        for (const value of [1, 2, 3, 4]) await put(reading("r-1", 0, { power_w: value }, { receivedAfter: value }));
        const all = await pages((cursor) => readings.corrections({ site: "demo", ...allTime, limit: 2, ...cursor }));
        expect(all.map((item) => item.was)).toEqual([1, 2, 3]);
      });

      test("a refused reading leaves the rest of its batch stored", async () => {
        const bad = reading("r-2", 0, { power_w: Number.NaN });
        const worse = reading("two words", 0, { power_w: 1 });
        const result = await put(reading("r-1", 0, { power_w: 1 }), bad, worse, reading("r-3", 0, { power_w: 3 }));
        expect(result.accepted).toBe(2);
        expect(result.rejected.map((item) => item.code)).toEqual(["STORE_LINE_REFUSED", "STORE_LINE_REFUSED"]);
        expect(result.rejected[0]?.reading).toEqual(bad);
        expect(result.rejected[1]?.reason).toContain("two words");
        expect((await readings.read({ site: "demo", ...allTime })).items.map((item) => item.device)).toEqual([
          "r-1",
          "r-3",
        ]);
      });

      test("names that objects already have are ordinary names", async () => {
        for (const id of ["constructor", "__proto__", "toString"]) {
          const message = { ...reading(id, 0, { power_w: 7, constructor: 8 }), site: id };
          expect(await put(message)).toMatchObject({ accepted: 2, rejected: [] });
          expect((await readings.read({ site: id, device: id, ...allTime })).items).toEqual([message]);
          expect((await readings.latest({ site: id, devices: [id] }))[0]?.quantities).toEqual({
            power_w: { value: 7, ts: noon },
            constructor: { value: 8, ts: noon },
          });
        }
        expect((await readings.devices()).map((item) => item.device)).toEqual(["__proto__", "constructor", "toString"]);
      });

      test("ten thousand readings fit one batch", async () => {
        const batch = Array.from({ length: 10_000 }, (_, index) =>
          reading(`r-${index % 100}`, Math.floor(index / 100) * 1000, { power_w: index, voltage_v: 230 }),
        );
        expect(await put(...batch)).toMatchObject({ accepted: 20_000, duplicates: 0 });
        expect(await put(...batch)).toMatchObject({ accepted: 0, duplicates: 20_000 });
        expect(await stored("r-42")).toHaveLength(100);
        expect(await readings.devices("demo")).toHaveLength(100);
      });

      test("batches written at once are all kept", async () => {
        const batches = Array.from({ length: 20 }, (_, index) => [reading(`r-${index}`, 0, { power_w: index })]);
        const results = await Promise.all(batches.map((batch) => readings.write(batch)));
        await store.settled?.();
        expect(results.map((result) => result.accepted)).toEqual(batches.map(() => 1));
        expect((await readings.read({ site: "demo", ...allTime })).items).toHaveLength(20);
      });
    });

    describe("reading", () => {
      test("readings come in event-time order, whatever order they were written in", async () => {
        await put(reading("r-1", 3000, { power_w: 3 }), reading("r-1", 1000, { power_w: 1 }));
        await put(reading("r-1", 2000, { power_w: 2 }));
        expect((await stored()).map((item) => item.ts - noon)).toEqual([1000, 2000, 3000]);
      });

      test("a range holds its start and not its end", async () => {
        await put(...[0, 1000, 2000].map((after) => reading("r-1", after, { power_w: 1 })));
        const found = await stored("r-1", { from: timestamp(noon), to: timestamp(noon + 2000) });
        expect(found.map((item) => item.ts - noon)).toEqual([0, 1000]);
      });

      test("pages of a site have no hole and no overlap", async () => {
        const all = Array.from({ length: 5 }, (_, row) =>
          ["r-1", "r-2", "r-3"].map((device) => reading(device, row * 1000, { power_w: row })),
        ).flat();
        await put(...all.toReversed());
        await put({ ...reading("r-1", 0, { power_w: 99 }), site: "elsewhere" });
        expect(await pages((cursor) => readings.read({ site: "demo", ...allTime, limit: 4, ...cursor }))).toEqual(all);
      });

      test("an unknown site, device or quantity is empty, not an error", async () => {
        expect(await readings.read({ site: "nowhere", ...allTime })).toEqual({ items: [], next: null });
        expect(await stored("r-404")).toEqual([]);
        expect(await series("raw")).toEqual({ step: "raw", ts: [], value: [] });
        expect(await series("1h")).toEqual({ step: "1h", ...rollupColumns([]) });
        expect(await readings.latest({ site: "nowhere" })).toEqual([]);
        expect(await readings.devices("nowhere")).toEqual([]);
        expect((await readings.corrections({ site: "nowhere", ...allTime })).items).toEqual([]);
      });

      test("latest merges the newest value of each quantity", async () => {
        await put(reading("r-1", 0, { power_w: 1, voltage_v: 230 }), reading("r-2", 0, { power_w: 5 }));
        await put(reading("r-1", 2000, { power_w: 3 }));
        await put(reading("r-1", 1000, { power_w: 2, inlet_c: 21 }));
        const [first, second] = await readings.latest({ site: "demo" });
        expect(first).toEqual({
          site: "demo",
          device: "r-1",
          ts: noon + 2000,
          received: noon + 2000,
          quantities: {
            power_w: { value: 3, ts: noon + 2000 },
            voltage_v: { value: 230, ts: noon },
            inlet_c: { value: 21, ts: noon + 1000 },
          },
        });
        expect(second?.device).toBe("r-2");
        expect(await readings.latest({ site: "demo", devices: ["r-2", "r-404"] })).toEqual([second]);
      });

      test("latest shows a corrected newest value", async () => {
        await put(reading("r-1", 0, { power_w: 1 }));
        await put(reading("r-1", 0, { power_w: 2 }));
        expect((await readings.latest({ site: "demo" }))[0]?.quantities).toEqual({ power_w: { value: 2, ts: noon } });
      });

      test("devices are listed with their quantities, times and number of readings", async () => {
        await put(reading("r-1", 5000, { power_w: 1 }), reading("r-1", 0, { voltage_v: 230 }));
        await put(reading("r-1", 0, { power_w: 4 }));
        await put({ ...reading("r-9", 0, { power_w: 9 }), site: "other" });
        expect(await readings.devices("demo")).toEqual([
          {
            site: "demo",
            device: "r-1",
            quantities: ["power_w", "voltage_v"],
            firstSeen: noon,
            lastSeen: noon + 5000,
            readings: 2,
          },
        ]);
        expect((await readings.devices()).map((item) => item.site)).toEqual(["demo", "other"]);
      });
    });

    describe("series", () => {
      // One hour of a reading every 20 s that climbs, with a hole of ten minutes.
      const climb = Array.from({ length: 180 }, (_, index) => index)
        .filter((index) => index < 60 || index >= 90)
        .map((index) => reading("r-1", index * 20_000, { power_w: index }));

      test("a raw series holds the samples of one quantity", async () => {
        await put(reading("r-1", 0, { power_w: 1 }), reading("r-1", 1000, { voltage_v: 2 }));
        await put(reading("r-1", 2000, { power_w: 3 }), reading("r-1", 3000, { power_w: 4 }));
        expect(await series("raw", { to: noon + 3000 })).toEqual({
          step: "raw",
          ts: [noon, noon + 2000],
          value: [1, 3],
        });
      });

      test("a window sums up its samples", async () => {
        await put(...climb);
        const [first] = rowsOf(await series("1m", { from: noon, to: noon + minute }));
        expect(first).toEqual({
          start: noon,
          count: 3,
          sum: 3,
          min: 0,
          max: 2,
          first: 0,
          firstTs: noon,
          last: 2,
          lastTs: noon + 40_000,
          integral: 90_000,
          goodMs: 60_000,
        });
      });

      test("minutes compose into quarters, and quarters into hours", async () => {
        await put(...climb);
        const [minutes, quarters, hours] = await Promise.all([series("1m"), series("15m"), series("1h")]);
        expectRows(rowsOf(quarters), composeRollups(rowsOf(minutes), "15m"));
        expectRows(rowsOf(hours), composeRollups(rowsOf(quarters), "1h"));
        expect(rowsOf(hours)).toHaveLength(1);
      });

      test("a window without samples has no row, and a hole is not integrated", async () => {
        await put(...climb);
        const minutes = rowsOf(await series("1m"));
        expect(minutes).toHaveLength(50);
        expect(minutes.some((row) => row.start >= noon + 20 * minute && row.start < noon + 30 * minute)).toBe(false);
        expect(rowsOf(await series("1h"))[0]?.goodMs).toBe((59 + 89) * 20_000);
      });

      test("a series has the windows that begin in its range", async () => {
        await put(...climb);
        const found = await series("1m", { from: noon + minute, to: noon + 3 * minute });
        expect(rowsOf(found).map((row) => row.start)).toEqual([noon + minute, noon + 2 * minute]);
      });

      test("late and corrected data change the windows they touch", async () => {
        await put(...climb);
        await series("1h");
        await put(reading("r-1", 5 * minute, { power_w: 1000 }));
        await put(reading("r-1", 25 * minute, { power_w: 77 }));
        const hours = rowsOf(await series("1h"));
        expect(hours[0]).toMatchObject({ count: climb.length + 1, max: 1000 });
        expect(rowsOf(await series("1m")).find((row) => row.start === noon + 25 * minute)).toMatchObject({
          count: 1,
          last: 77,
          goodMs: 0,
        });
      });

      test("the line between two samples counts in the windows it crosses", async () => {
        await put(reading("r-1", 30_000, { power_w: 10 }), reading("r-1", 150_000, { power_w: 30 }));
        const rows = rowsOf(await series("1m"));
        expect(rows.map((row) => [row.count, row.goodMs, row.integral])).toEqual([
          [1, 30_000, 375_000],
          [0, 60_000, 1_200_000],
          [1, 30_000, 825_000],
        ]);
      });
    });

    describe("following", () => {
      test("readings come once, in the order of their commits, and a cursor resumes", async () => {
        await put(reading("r-2", 5000, { power_w: 1 }));
        await put(reading("r-1", 0, { power_w: 2 }));
        await put(reading("r-1", 3000, { power_w: 3 }));
        const first = await follow(null, { limit: 2 });
        expect(values(first)).toEqual([1, 2]);
        const second = await follow(first.cursor);
        expect(values(second)).toEqual([3]);
        expect(values(await follow(second.cursor))).toEqual([]);
        expect(values(await follow(first.cursor))).toEqual([3]);
        expect(values(await follow(null))).toEqual([1, 2, 3]);
      });

      test("a merged or corrected reading comes again, whole; a duplicate does not", async () => {
        await put(reading("r-1", 0, { power_w: 1 }));
        let { cursor } = await follow(null);
        await put(reading("r-1", 0, { voltage_v: 230 }));
        const merged = await follow(cursor);
        expect(merged.readings.map((item) => item.quantities)).toEqual([{ power_w: 1, voltage_v: 230 }]);
        await put(reading("r-1", 0, { power_w: 2 }));
        const corrected = await follow(merged.cursor);
        expect(corrected.readings.map((item) => item.quantities)).toEqual([{ power_w: 2, voltage_v: 230 }]);
        cursor = corrected.cursor;
        await put(reading("r-1", 0, { power_w: 2 }));
        expect((await follow(cursor)).readings).toEqual([]);
      });

      test("only the sites asked for come", async () => {
        const there = { ...reading("r-1", 0, { power_w: 9 }), site: "other" };
        await put(reading("r-1", 0, { power_w: 1 }), there, reading("r-2", 0, { power_w: 2 }));
        expect(values(await follow(null, { sites: ["other"] }))).toEqual([9]);
        expect(values(await follow(null, { sites: ["demo"] })).toSorted()).toEqual([1, 2]);
        const none = await follow(null, { sites: ["nowhere"] });
        expect(none.readings).toEqual([]);
        expect(values(await follow(none.cursor, { sites: ["demo"] }))).toEqual([]);
      });

      test("head stands after everything committed", async () => {
        await put(reading("r-1", 0, { power_w: 1 }));
        const head = await readings.head();
        expect((await follow(head)).readings).toEqual([]);
        await put(reading("r-1", 1000, { power_w: 2 }));
        expect(values(await follow(head))).toEqual([2]);
      });

      test("a waiting follower wakes at a commit, long before its time is over", async () => {
        const waiting = follow(await readings.head(), { waitMs: longMs });
        await readings.write([reading("r-1", 0, { power_w: 1 })]);
        expect(values(await waiting)).toEqual([1]);
      });

      test("a follower of one site sleeps on while others write", async () => {
        const waiting = follow(await readings.head(), { waitMs: longMs, sites: ["other"] });
        await readings.write([reading("r-1", 0, { power_w: 1 })]);
        await readings.write([{ ...reading("r-1", 0, { power_w: 2 }), site: "other" }]);
        expect(values(await waiting)).toEqual([2]);
      });

      test("waiting ends with an empty page when the time is over", async () => {
        const head = await readings.head();
        const page = await follow(head, { waitMs: 30 });
        expect(page.readings).toEqual([]);
        await put(reading("r-1", 0, { power_w: 1 }));
        expect(values(await follow(page.cursor))).toEqual([1]);
      });

      test("an abort ends the wait with an empty page", async () => {
        const abort = new AbortController();
        const head = await readings.head();
        const waiting = readings.follow({ cursor: head, limit: 10, waitMs: longMs, signal: abort.signal });
        abort.abort();
        expect((await waiting).readings).toEqual([]);
      });

      test("closing the store ends the wait", async () => {
        const waiting = follow(await readings.head(), { waitMs: longMs });
        await readings[Symbol.asyncDispose]();
        expect((await waiting).readings).toEqual([]);
      });

      test("columns bring the same readings as objects, page by page, at any limit", async () => {
        const other = { ...reading("r-1", 0, { power_w: 9, inlet_c: 22 }), site: "other" };
        await put(reading("r-1", 0, { power_w: 1, voltage_v: 230 }, { flags: ["LATE"], receivedAfter: 700 }));
        await put(other, reading("r-2", 0, { inlet_c: 24 }, { flags: [...readingFlags] }));
        await put(reading("r-1", 0, { power_w: 2 }), reading("r-3", 5000, { power_w: 3 }));
        const sites = ["demo"];
        for (const query of [{}, { sites }]) {
          const whole = (await follow(null, query)).readings;
          const one = await followColumnsOf(readings)({ cursor: null, limit: 10_000, waitMs: 0, ...query });
          expect(readingsOf(one.columns)).toEqual(whole);
          expect(one.behind).toBe(false);
          const pieces: Reading[] = [];
          for (let [cursor, behind] = [null as string | null, true]; behind; ) {
            const page = await followColumnsOf(readings)({ cursor, limit: 2, waitMs: 0, ...query });
            expect(page.columns.device.length).toBeLessThanOrEqual(2);
            pieces.push(...readingsOf(page.columns));
            ({ cursor, behind } = page);
          }
          expect(pieces).toEqual(whole);
        }
      });

      test("a range comes in columns as well: the same readings, those of a device in event-time order", async () => {
        await put(reading("r-2", 0, { power_w: 1, voltage_v: 230 }, { flags: [...readingFlags], receivedAfter: 700 }));
        await put(
          reading("r-1", 5000, { inlet_c: 24 }),
          reading("r-1", 0, { power_w: 2 }),
          reading("r-3", 0, { w: 1 }),
        );
        await put(
          { ...reading("r-1", 0, { power_w: 9 }), site: "other" },
          reading("r-2", 0, { power_w: 3, inlet_c: 20 }),
        );
        const range = { site: "demo", from: timestamp(noon), to: timestamp(noon + 5001) };
        const byDevice = (found: readonly Reading[]) =>
          ["r-1", "r-2", "r-3"].flatMap((device) => found.filter((one) => one.device === device));
        const { items } = await readings.read({ ...range, limit: 10_000 });
        expect(items).toHaveLength(4);
        expect(byDevice(readingsOf(await readColumnsOf(readings, range)))).toEqual(byDevice(items));
        const some = readingsOf(await readColumnsOf(readings, { ...range, devices: ["r-3", "r-1", "r-404"] }));
        expect(byDevice(some)).toEqual(byDevice(items).filter(({ device }) => device !== "r-2"));
        expect(some).toHaveLength(3);
        const early = await readColumnsOf(readings, { ...range, to: timestamp(noon + 5000), devices: ["r-1"] });
        expect(readingsOf(early)).toMatchObject([{ device: "r-1", ts: noon, quantities: { power_w: 2 } }]);
        expect((await readColumnsOf(readings, { ...range, site: "nowhere" })).device).toHaveLength(0);
      });

      test("columns resume at a cursor of objects, and wait for a commit", async () => {
        await put(reading("r-1", 0, { power_w: 1 }));
        const columns = followColumnsOf(readings);
        const { cursor } = await follow(null);
        expect((await columns({ cursor, limit: 10, waitMs: 0 })).columns.device).toHaveLength(0);
        const waiting = columns({ cursor, limit: 10, waitMs: longMs });
        await readings.write([reading("r-2", 0, { power_w: 2 })]);
        const page = await waiting;
        expect(readingsOf(page.columns)).toMatchObject([{ device: "r-2", quantities: { power_w: 2 } }]);
        expect(values(await follow(page.cursor))).toEqual([]);
      });

      test("a stretch is read again from the place before a time up to a cursor, where the adapter knows it", async () => {
        await put(reading("r-1", 0, { power_w: 1 }), reading("r-1", 5000, { power_w: 2 }));
        const { cursor } = await follow(null);
        await put(reading("r-1", 9000, { power_w: 3 }));
        const place = await readings.placeBefore?.(timestamp(noon + 5000));
        if (place === undefined) return;
        const page = await followColumnsOf(readings)({ cursor: place, until: cursor, limit: 10, waitMs: 0 });
        expect(readingsOf(page.columns)).toContainEqual(reading("r-1", 5000, { power_w: 2 }));
        expect(readingsOf(page.columns)).not.toContainEqual(reading("r-1", 9000, { power_w: 3 }));
        expect(page).toMatchObject({ cursor, behind: false });
      });

      test("a cursor of another store is refused", async () => {
        await expect(follow("1790000000000~x")).rejects.toMatchObject({ code: "STORE_CURSOR_EXPIRED" });
        const columns = followColumnsOf(readings)({ cursor: "1790000000000~x", limit: 1, waitMs: 0 });
        await expect(columns).rejects.toMatchObject({ code: "STORE_CURSOR_EXPIRED" });
      });
    });

    describe("keeping", () => {
      const now = timestamp(noon + 3 * day);
      const forever = { "1m": null, "15m": null, "1h": null };
      const history = [0, 20_000, 40_000, 60_000].flatMap((after) => [
        reading("r-1", after, { power_w: 6 }),
        reading("r-1", 2 * day + after, { power_w: 9 }),
      ]);

      test("raw readings go at their age, roll-ups stay", async () => {
        await put(...history);
        const before = await Promise.all((["1m", "15m", "1h"] as const).map((step) => series(step)));
        await readings.prune({ now, rawMs: 2 * day, rollup: forever });
        expect(await stored()).toHaveLength(4);
        const after = await Promise.all((["1m", "15m", "1h"] as const).map((step) => series(step)));
        expect(after).toEqual(before);
        expect((await readings.latest({ site: "demo" }))[0]?.ts).toBe(noon + 2 * day + minute);
      });

      test("each step of roll-up goes at its own age", async () => {
        await put(...history);
        await readings.prune({ now, rawMs: hour, rollup: { "1m": hour, "15m": 2 * day, "1h": null } });
        expect(await stored()).toEqual([]);
        expect(rowsOf(await series("1m"))).toEqual([]);
        expect(rowsOf(await series("15m")).map((row) => row.start)).toEqual([noon + 2 * day]);
        expect(rowsOf(await series("1h")).map((row) => row.start)).toEqual([noon, noon + 2 * day]);
      });

      test("keeping for ever removes nothing", async () => {
        await put(...history);
        expect(await readings.prune({ now, rawMs: null, rollup: forever })).toEqual({ removed: 0 });
        expect(await stored()).toHaveLength(8);
      });

      test("late data does not thin a window whose raw readings are gone", async () => {
        await put(...history);
        await readings.prune({ now, rawMs: 2 * day, rollup: forever });
        await put(reading("r-1", 10_000, { power_w: 1 }));
        expect(rowsOf(await series("1h"))[0]).toMatchObject({ start: noon, count: 4, sum: 24 });
      });

      test("health says ok, and of which adapter", async () => {
        await put(...history);
        expect(await readings.health()).toMatchObject({ state: "ok", reason: "" });
      });

      test("everything is there again after closing and opening, where anything survives", async () => {
        if (store.reopen === undefined) return;
        await put(...history);
        await put(reading("r-1", 0, { power_w: 7 }));
        const read = await stored();
        const first = await follow(null, { limit: 3 });
        const rest = await follow(first.cursor);
        const latest = await readings.latest({ site: "demo" });
        const hours = await series("1h");
        const devices = await readings.devices();
        readings = await store.reopen();
        expect(await stored()).toEqual(read);
        expect((await follow(first.cursor)).readings).toEqual(rest.readings);
        expect(await readings.latest({ site: "demo" })).toEqual(latest);
        expect(await series("1h")).toEqual(hours);
        expect(await readings.devices()).toEqual(devices);
        expect((await readings.corrections({ site: "demo", ...allTime })).items).toHaveLength(1);
      });
    });
  });
};

const reading = (
  device: string,
  after: number,
  quantities: Record<string, number>,
  more: { flags?: ReadingFlag[]; receivedAfter?: number } = {},
): Reading => ({
  site: "demo",
  device,
  ts: timestamp(noon + after),
  received: timestamp(noon + (more.receivedAfter ?? after)),
  quantities,
  flags: more.flags ?? [],
});

const values = (page: FollowPage) => page.readings.map((item) => item.quantities.power_w);

const pages = async <Item>(next: (cursor: { cursor?: string }) => Promise<Page<Item>>): Promise<Item[]> => {
  const items: Item[] = [];
  for (let cursor: { cursor?: string } | null = {}; cursor !== null; ) {
    const page: Page<Item> = await next(cursor);
    items.push(...page.items);
    cursor = page.next === null ? null : { cursor: page.next };
  }
  return items;
};

const rowsOf = (series: Series): RollupRow[] => {
  if (series.step === "raw") throw new Error("BUG: raw series has no windows");
  const columns: RollupColumns = series;
  const at = (name: keyof RollupColumns, index: number) => columns[name][index] ?? Number.NaN;
  return columns.start.map((start, index) => ({
    start,
    count: at("count", index),
    sum: at("sum", index),
    min: at("min", index),
    max: at("max", index),
    first: at("first", index),
    firstTs: at("firstTs", index),
    last: at("last", index),
    lastTs: at("lastTs", index),
    integral: at("integral", index),
    goodMs: at("goodMs", index),
  }));
};

const expectRows = (found: readonly RollupRow[], expected: readonly RollupRow[]) => {
  expect(found.map((row) => ({ ...row, integral: 0 }))).toEqual(expected.map((row) => ({ ...row, integral: 0 })));
  for (const [index, row] of found.entries()) expect(row.integral).toBeCloseTo(expected[index]?.integral ?? 0, 3);
};
