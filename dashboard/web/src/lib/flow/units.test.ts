import { expect, test } from "vitest";
import type { NodeNow } from "#lib/wire.ts";
import { dotSeconds, unitsOf } from "./units.ts";

const node = (role: NodeNow["role"], powerW: number | null, more: Partial<NodeNow> = {}): NodeNow => ({
  id: `${role}-${powerW}`,
  kind: "misc",
  role,
  name: { en: "", "zh-CN": "" },
  parent: null,
  counting: "counted",
  origin: "measured",
  powerW,
  socPct: null,
  ts: 1000,
  freshness: "fresh",
  ratingW: null,
  capacityWh: null,
  ...more,
});
const say = (role: NodeNow["role"], powerW: number | null, more: Partial<NodeNow> = {}) => {
  const [unit] = unitsOf([node(role, powerW, more)], role, 3);
  return `${unit?.word} ${unit?.toward}`;
};

test("a direction is a word and an arrow, never a sign", () => {
  expect(say("grid", 5000)).toBe("importing bus");
  expect(say("grid", -5000)).toBe("exporting node");
  expect(say("source", 5000)).toBe("generating bus");
  expect(say("source", -50)).toBe("standby node");
  expect(say("storage", 5000)).toBe("discharging bus");
  expect(say("storage", -5000)).toBe("charging node");
  expect(say("load", 5000)).toBe("consuming node");
  expect(say("load", -5000)).toBe("returning bus");
});

test("what is too small for the meter is idle, what is missing is unknown", () => {
  expect(say("source", 0)).toBe("idle none");
  expect(say("source", 300, { ratingW: 400_000 })).toBe("idle none");
  expect(say("grid", null)).toBe("unknown none");
});

test("more nodes than there is room for become one, with the sum, the oldest time and the worst freshness", () => {
  const units = unitsOf(
    [
      node("load", 100),
      node("load", 20, { ts: 400, origin: "synthetic" }),
      node("load", 3, { freshness: "stale", origin: "estimated" }),
    ],
    "load",
    2,
  );
  expect(units.map(({ powerW }) => powerW)).toEqual([100, 23]);
  expect(units[1]).toMatchObject({
    count: 2,
    ts: 400,
    freshness: "stale",
    origins: ["synthetic", "estimated"],
    name: null,
  });
});

test("a part that is missing makes the sum unknown, never smaller", () => {
  expect(unitsOf([node("load", 100), node("load", null)], "load", 1)[0]?.powerW).toBeNull();
});

test("racks below a load are not a second load", () => {
  expect(unitsOf([node("load", 100), node("load", 60, { parent: "load-100" })], "load", 5)).toHaveLength(1);
});

test("dots run quicker where more flows", () => {
  expect([dotSeconds(100, 100), dotSeconds(20, 100), dotSeconds(-1, 100), dotSeconds(0, 0)]).toEqual([2, 3.5, 6, 6]);
});
