import { expect, test } from "vitest";
import type { ModeHistory } from "./mode.ts";
import { supplyOf } from "./supply.ts";

const minute = 60_000;
const failed: ModeHistory = {
  changes: [
    [0, "mains"],
    [5 * minute, "ups"],
    [6 * minute, "genset"],
  ],
  incidents: [["a1", 5 * minute, null]],
};

test("a site of which nothing was heard has no mode", () => {
  expect(supplyOf({ changes: [], incidents: [] }, null)).toEqual({
    mode: null,
    since: null,
    incident: null,
    changes: [],
  });
});

test("as a site was found is no incident", () => {
  expect(supplyOf({ changes: [[0, "mains"]], incidents: [] }, minute)).toMatchObject({
    mode: "mains",
    since: 0,
    incident: null,
  });
});

test("a change holds what happens below it until ten minutes after the newest one", () => {
  expect(supplyOf(failed, 7 * minute)).toMatchObject({
    mode: "genset",
    since: 6 * minute,
    incident: { id: "a1", releaseAt: 16 * minute },
  });
  expect(supplyOf(failed, 16 * minute).incident).toBeNull();
});
