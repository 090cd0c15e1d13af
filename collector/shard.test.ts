import fc from "fast-check";
import { expect, test } from "vitest";
import { collectorSchema } from "./config.ts";
import { filterFault, filtersOf } from "./filters.ts";
import { retryDelay } from "./link.ts";
import { parseShard, shardOf } from "./shard.ts";

const sites = Array.from({ length: 864 }, (_, index) => `site-${index}`);
const url = "mqtt://127.0.0.1:1883";
const plain = { topics: null, mappings: [], sites: null, shard: null, shareGroup: null };
const faultsOf = (env: Record<string, string>): readonly string[] =>
  collectorSchema.safeParse(env).error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`) ?? [];

test("a shard is written number/count", () => {
  expect(parseShard("2/8")).toEqual({ number: 2, of: 8 });
  for (const wrong of ["", "0/8", "9/8", "2", "2/8/1", "a/b", "1.5/2"]) expect(parseShard(wrong)).toBeNull();
});

test("every site has one shard, and shards have about as many", () => {
  const counts = new Map<number, number>();
  for (const site of sites) counts.set(shardOf(site, 8), (counts.get(shardOf(site, 8)) ?? 0) + 1);
  expect([...counts.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  for (const count of counts.values()) expect(count).toBeGreaterThan(864 / 8 / 2);
});

test("one more shard takes sites from the others and moves none between them", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 64 }), fc.integer({ min: 1, max: 30 }), (site, of) => {
      const [before, after] = [shardOf(site, of), shardOf(site, of + 1)];
      expect(after === before || after === of + 1).toBe(true);
    }),
  );
  const moved = sites.filter((site) => shardOf(site, 8) !== shardOf(site, 9));
  expect(moved.length).toBeLessThan((864 / 9) * 1.5);
});

test("without names any site is asked for, with names only the shard's own", () => {
  expect(filtersOf(plain)).toContain("dc/+/+/telemetry");
  const shards = [1, 2].map((number) => filtersOf({ ...plain, sites: ["a", "b", "c"], shard: { number, of: 2 } }));
  const telemetry = shards.flatMap((filters) => filters.filter((filter) => filter.endsWith("/telemetry")));
  expect(telemetry.sort()).toEqual(["dc/a/+/telemetry", "dc/b/+/telemetry", "dc/c/+/telemetry"]);
});

test("a share group stands before each filter", () => {
  expect(filtersOf({ ...plain, topics: ["dc/+/+/batch"], shareGroup: "hall" })).toEqual(["$share/hall/dc/+/+/batch"]);
});

test("a faulty filter is named", () => {
  expect(filterFault("dc/#/x")).not.toBeNull();
  expect(filterFault("dc/a+/x")).not.toBeNull();
  expect(filterFault("$share/x/dc")).not.toBeNull();
  expect(filterFault("dc/+/#")).toBeNull();
  expect(faultsOf({ COLLECTOR_BROKER_URL: url, COLLECTOR_TOPICS: "dc/+/+/telemetry,dc/#/x" })).toEqual([
    'COLLECTOR_TOPICS filter "dc/#/x" has "#" before its end',
  ]);
});

test("settings that contradict each other are faults", () => {
  expect(faultsOf({ COLLECTOR_SHARD: "1/2" })).toEqual([
    "COLLECTOR_SHARD needs COLLECTOR_BROKER_URL: the embedded broker has no use for it",
  ]);
  const group = { COLLECTOR_BROKER_URL: url, COLLECTOR_SHARE_GROUP: "hall", COLLECTOR_CLIENT_ID: "one" };
  expect(faultsOf(group)).toEqual([]);
  expect(faultsOf({ ...group, COLLECTOR_BROKER_VERSION: "3.1.1" })).toHaveLength(1);
  expect(faultsOf({ ...group, COLLECTOR_SHARD: "1/2" })).toHaveLength(1);
  expect(faultsOf({ COLLECTOR_BROKER_URL: url, COLLECTOR_SHARE_GROUP: "hall" })).toHaveLength(1);
  for (const wrong of ["http://x", "mqtt://", "mqtt:x", "mqtt://x/y"])
    expect(faultsOf({ COLLECTOR_BROKER_URL: wrong })).toHaveLength(1);
});

test("waits grow to half a minute and never by the same step for two collectors", () => {
  const waits = [0, 1, 2, 5, 9, 50].map((failures) => [retryDelay(failures, () => 0), retryDelay(failures, () => 1)]);
  expect(waits).toEqual([
    [250, 500],
    [500, 1000],
    [1000, 2000],
    [8000, 16_000],
    [15_000, 30_000],
    [15_000, 30_000],
  ]);
});
