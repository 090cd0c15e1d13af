import { expect, test } from "vitest";
import type { SilenceWire } from "#lib/wire.ts";
import { endsSoon, isEmpty, matchOf } from "./match.ts";

const empty = { site: "", rule: "", subject: "", severities: [] };
const minute = 60_000;
const silence = (part: Partial<SilenceWire>): SilenceWire => ({
  id: "s",
  match: {},
  reason: "",
  by: "",
  from: 0,
  until: 60 * minute,
  ended: null,
  warned: false,
  state: "active",
  matching: 0,
  ...part,
});

test("what is left empty is not matched by", () => {
  expect(isEmpty(matchOf({ ...empty, rule: "  " }))).toBe(true);
  expect(matchOf({ ...empty, subject: "rack-1" })).toEqual({ subject: ["rack-1"] });
});

test("several names are told apart by commas or blanks, Chinese ones too", () => {
  expect(matchOf({ ...empty, rule: "R04, R16，R21、R22 R23" }).rule).toEqual(["R04", "R16", "R21", "R22", "R23"]);
});

test("a silence ends soon in its last quarter of an hour, a short one in its last quarter", () => {
  expect(endsSoon(silence({}), 44 * minute)).toBe(false);
  expect(endsSoon(silence({}), 46 * minute)).toBe(true);
  expect(endsSoon(silence({ until: 20 * minute }), 14 * minute)).toBe(false);
  expect(endsSoon(silence({ until: 20 * minute }), 16 * minute)).toBe(true);
  expect(endsSoon(silence({ state: "over" }), 50 * minute)).toBe(false);
});
