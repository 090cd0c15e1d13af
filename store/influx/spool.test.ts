import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreUnavailableError } from "../errors.ts";
import { timestamp } from "../unit.ts";
import { encodeFrame } from "./frame.ts";
import { packRecords, type SpoolRecord } from "./record.ts";
import {
  headPath,
  listSegments,
  readHead,
  readSent,
  replaceFile,
  scanSpool,
  segmentPath,
  sentPath,
} from "./segment.ts";
import { type Dropped, type NewFrame, openSpool, type Spool, type SpoolDisk, type SpoolOptions } from "./spool.ts";
import { createView } from "./view.ts";

const clock = 1_780_000_000_000;
const gapMs = 150_000;
let dir: string;
let reports: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "wattlas-spool-"));
  reports = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = (more: Partial<SpoolOptions> = {}): Promise<Spool> =>
  openSpool({
    dir,
    quotaBytes: 1e9,
    policy: "refuse",
    now: () => clock,
    onError: (_, code) => reports.push(code),
    ...more,
  });

const record = (value: number): SpoolRecord => ({
  reading: {
    site: "demo",
    device: "r-1",
    ts: timestamp(value),
    received: timestamp(value),
    quantities: { power_w: value },
    flags: [],
  },
  corrected: [],
  first: true,
  undecided: false,
});

const frame = (...values: number[]): NewFrame => ({
  count: values.length,
  minTs: Math.min(...values),
  maxTs: Math.max(...values),
  payload: packRecords(values.map(record)),
});

/** Values in the spool from reading `from` on, as any reader sees them. */
const valuesOf = async (from = 0): Promise<number[]> => {
  const view = createView(dir, gapMs, { head: () => readHead(dir), sentSeq: async () => 0 }, () =>
    reports.push("READ"),
  );
  const found = await view.records(from, 1e6);
  return found.records.map(({ record: { reading } }) => reading.quantities.power_w ?? Number.NaN);
};

/** Three frames with the values 1 to 6; gives the file and where its frames end. */
const shortSegment = async () => {
  const ends: number[] = [];
  await using spool = await open();
  for (const values of [[1, 2], [3], [4, 5, 6]]) ends.push((await spool.append([frame(...values)])).size);
  const { base } = spool.head();
  return { base, path: segmentPath(dir, base), ends };
};

describe("a spool whose tail is torn", () => {
  test("opens at every length its segment can have, with exactly the whole frames", async () => {
    const { base, path, ends } = await shortSegment();
    const whole = await readFile(path);
    for (let length = 0; length <= whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      // The note of the durable end was lost with the tail: these frames were never acknowledged.
      await rm(headPath(dir));
      await rm(sentPath(dir), { force: true });
      await using spool = await open();
      const frames = ends.filter((end) => end <= length).length;
      const expected = [1, 2, 3, 4, 5, 6].slice(0, [0, 2, 3, 6][frames]);
      expect(await valuesOf()).toEqual(expected);
      expect(spool.head().seq).toBe(base + expected.length);
      await spool.append([frame(9)]);
      expect(await valuesOf()).toEqual([...expected, 9]);
    }
    expect(reports).toEqual([]);
  });

  test("reports it when what is missing had been acknowledged, and never gives its numbers again", async () => {
    const { base, path, ends } = await shortSegment();
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, (ends[1] ?? 0) + 10));
    await using spool = await open();
    expect(reports).toContain("STORE_CORRUPT");
    await spool.append([frame(9)]);
    expect(await valuesOf()).toEqual([1, 2, 3, 9]);
    expect(await valuesOf(base + 6)).toEqual([9]);
  });

  test("loses nothing when the disk left zeros behind the last frame", async () => {
    const { path } = await shortSegment();
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(4096)]));
    await using spool = await open();
    expect(await valuesOf()).toEqual([1, 2, 3, 4, 5, 6]);
    await spool.append([frame(7)]);
    expect(await valuesOf()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("a damaged spool", () => {
  test("passes over a frame with any flipped bit, reports it and gives all others", async () => {
    const { path, ends } = await shortSegment();
    const whole = await readFile(path);
    const saved = join(dir, "saved-head");
    await copyFile(headPath(dir), saved);
    const groups = [[1, 2], [3], [4, 5, 6]];
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (byte, bit) => {
        const bytes = Buffer.from(whole);
        bytes.writeUInt8(bytes.readUInt8(byte) ^ (1 << bit), byte);
        await writeFile(path, bytes);
        await copyFile(saved, headPath(dir));
        reports = [];
        const hit = ends.findIndex((end) => byte < end);
        expect(await valuesOf()).toEqual(groups.filter((_, index) => index !== hit).flat());
        expect(reports).toEqual(["READ"]);
      }),
      { numRuns: 300 },
    );
  });

  test("keeps a copy of a damaged segment when it is opened", async () => {
    const { base, path } = await shortSegment();
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(50) ^ 1, 50);
    await writeFile(path, bytes);
    await using spool = await open();
    expect(reports).toEqual(["STORE_CORRUPT"]);
    expect(spool.head().seq).toBe(base + 6);
    expect(await valuesOf()).toEqual([3, 4, 5, 6]);
    const copies = await readFile(join(dir, "quarantine", `${base}-0-${(await readHeadSize(1)) ?? 0}.seg`));
    expect(copies).toEqual(bytes);
  });
});

const readHeadSize = async (frames: number): Promise<number | undefined> => {
  const head = await readHead(dir);
  if (head === null) return undefined;
  const found = [];
  for await (const { at } of scanSpool(dir, 0, head, null, () => {})) found.push(at.offset);
  return found[frames - 1];
};

describe("a full disk", () => {
  const failing = (): { disk: SpoolDisk; broken: "no" | "append" | "sync" } => {
    const state: { disk: SpoolDisk; broken: "no" | "append" | "sync" } = {
      broken: "no",
      disk: {
        append: async (file, bytes, position) => {
          if (state.broken !== "append") {
            await file.write(bytes, 0, bytes.length, position);
            return;
          }
          await file.write(bytes, 0, bytes.length >>> 1, position);
          throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
        },
        sync: async (file) => {
          if (state.broken === "sync") throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
          await file.datasync();
        },
      },
    };
    return state;
  };

  const refusesThenGoesOn = async (how: "append" | "sync") => {
    const state = failing();
    await using spool = await open({ disk: state.disk });
    await spool.append([frame(1)]);
    const { size, base } = spool.head();
    state.broken = how;
    await expect(spool.append([frame(2)])).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(spool.full()).toBe(true);
    expect(await readFile(segmentPath(dir, base))).toHaveLength(size);
    state.broken = "no";
    await spool.append([frame(3)]);
    expect(spool.full()).toBe(false);
    expect(await valuesOf()).toEqual([1, 3]);
  };

  test("refuses, leaves no half frame, and goes on when there is room", () => refusesThenGoesOn("append"));
  test("keeps nothing whose sync failed", () => refusesThenGoesOn("sync"));
});

describe("the quota", () => {
  // Numbers that no compression makes small, so that a frame has the size of a real one.
  let state = 1;
  const noise = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 7;
  };
  const bulk = (value: number): NewFrame => ({
    ...frame(value),
    payload: packRecords([...Array.from({ length: 399 }, () => record(noise())), record(value)]),
    count: 400,
  });

  test("refuses what the server has not made room for, and goes on when it has", async () => {
    await using spool = await open({ quotaBytes: 1e6 });
    spool.keepFrom(Number.MAX_SAFE_INTEGER);
    let appended = 0;
    await expect(
      (async () => {
        for (;;) {
          await spool.append([bulk(appended)]);
          appended++;
        }
      })(),
    ).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(spool.bytes()).toBeLessThanOrEqual(1e6);
    expect(await valuesOf()).toHaveLength(appended * 400);
    await spool.sent(spool.head().seq);
    expect(spool.bytes()).toBeLessThanOrEqual(5.7e5); // half, and one segment that is being written
    await spool.append([bulk(7)]);
    expect((await valuesOf()).at(-1)).toBe(7);
  });

  test("gives alarm once at 80 %, and again after it was calm", async () => {
    await using spool = await open({ quotaBytes: 1e6 });
    spool.keepFrom(Number.MAX_SAFE_INTEGER);
    const fill = async () => {
      while (spool.filled() < 0.9) await spool.append([bulk(1)]);
    };
    await fill();
    expect(reports).toEqual(["STORE_SPOOL_FILLING"]);
    await spool.sent(spool.head().seq);
    expect(spool.filled()).toBeLessThan(0.1);
    await spool.append([bulk(1)]);
    await fill();
    expect(reports).toEqual(["STORE_SPOOL_FILLING", "STORE_SPOOL_FILLING"]);
  });

  test("drop-oldest gives up whole segments, says how much, and keeps what is newer", async () => {
    const dropped: Dropped[] = [];
    await using spool = await open({
      quotaBytes: 1e6,
      policy: "drop-oldest",
      onDropped: (lost) => dropped.push(lost),
    });
    const first = spool.head().seq;
    for (let index = 0; index < 300; index++) await spool.append([bulk(index)]);
    expect(spool.bytes()).toBeLessThanOrEqual(1e6);
    expect(spool.full()).toBe(false);
    const lost = dropped.reduce((sum, { readings }) => sum + readings, 0);
    expect(dropped[0]?.from).toBe(first);
    expect(spool.sentSeq()).toBe(first + lost);
    const kept = await valuesOf();
    expect(kept).toHaveLength(300 * 400 - lost);
    expect(kept.at(-1)).toBe(299);
    expect(await readSent(dir)).toBe(first + lost);
    // What was given up can no longer be confirmed.
    await spool.sent(first + 1);
    expect(spool.sentSeq()).toBe(first + lost);
  });

  test("never removes a segment that is not sent or that the catalogue still needs", async () => {
    await using spool = await open({ quotaBytes: 1e6 });
    for (let index = 0; index < 15; index++) await spool.append([bulk(index)]);
    const all = await listSegments(dir);
    await spool.sent(spool.head().seq);
    expect(await listSegments(dir)).toEqual(all);
  });
});

describe("a compressed frame", () => {
  const full = (): NewFrame => {
    const records = Array.from({ length: 512 }, (_, index) => record(1_000_000 + index * 17));
    return { count: 512, minTs: 0, maxTs: 1e9, payload: packRecords(records) };
  };

  test("takes a fraction of its text and gives it back whole", async () => {
    await using spool = await open();
    const { payload } = full();
    const { size } = await spool.append([full()]);
    expect(size).toBeLessThan(payload.length / 4);
    expect(await valuesOf()).toEqual(Array.from({ length: 512 }, (_, index) => 1_000_000 + index * 17));
  });

  test("with any damaged byte is passed over, and the next one is found", async () => {
    let end = 0;
    let base = 0;
    {
      await using spool = await open();
      end = (await spool.append([full()])).size;
      base = (await spool.append([frame(7)])).base;
    }
    const path = segmentPath(dir, base);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(end - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        await writeFile(path, damaged);
        expect(await valuesOf()).toEqual([7]);
      }),
      { numRuns: 60 },
    );
  });

  test("of a spool written before there was compression is read as it is", () => {
    const text = Buffer.from(packRecords([record(5)]));
    const written = encodeFrame({ seq: 1, count: 1, minTs: 5, maxTs: 5, payload: text });
    expect(written.subarray(0, 4).toString()).toBe("WSP1");
    expect(written.includes(text)).toBe(true);
  });
});

test("a second writer is refused", async () => {
  await using _spool = await open();
  await expect(open()).rejects.toMatchObject({ code: "STORE_IN_USE" });
});

test("numbers of a new spool are beyond those of a lost one", async () => {
  await using spool = await open();
  expect(spool.head().seq).toBe(clock * 1000);
});

test("a small file is replaced whole", async () => {
  await replaceFile(join(dir, "x"), "one");
  await replaceFile(join(dir, "x"), "two");
  expect(await readFile(join(dir, "x"), "utf8")).toBe("two");
});
