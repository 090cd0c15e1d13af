import fc from "fast-check";
import { expect, test } from "vitest";
import { alertOf } from "./alert.fixture.ts";
import { isLike, matches, onDuty } from "./match.ts";

test("every key that is given must match", () => {
  expect(matches({}, alertOf())).toBe(true);
  expect(matches({ site: ["hall"], rule: ["R21"] }, alertOf())).toBe(true);
  expect(matches({ site: ["hall"], rule: ["R04"] }, alertOf())).toBe(false);
  expect(matches({ severity: ["CRITICAL"] }, alertOf())).toBe(false);
  expect(matches({ state: ["ACTIVE"], subject: ["feed-*"] }, alertOf())).toBe(true);
});

test("a star stands for any characters and everything else for itself", () => {
  expect(isLike("r-*-b", "r-101-b")).toBe(true);
  expect(isLike("r-*-b", "r-b")).toBe(false);
  expect(isLike("*", "")).toBe(true);
  expect(isLike("a.b", "axb")).toBe(false);
  expect(isLike("*a*b*", "xxaxxbxx")).toBe(true);
  expect(isLike("a*a", "a")).toBe(false);
});

test("a pattern made from a name by leaving parts out matches it", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ maxLength: 4 }).filter((text) => !text.includes("*")),
        { minLength: 1, maxLength: 6 },
      ),
      fc.string({ maxLength: 4 }),
      (parts, fill) => {
        expect(isLike(parts.join("*"), parts.join(fill))).toBe(true);
      },
    ),
  );
});

const roster = {
  name: "on duty",
  time_zone: "Asia/Shanghai",
  shifts: [
    { person: "Day", days: ["mon", "tue", "wed", "thu", "fri"] as const, from: "08:00", to: "20:00" },
    { person: "Night", days: ["mon", "tue", "wed", "thu", "fri"] as const, from: "20:00", to: "08:00" },
    { person: "Weekend", days: ["sat", "sun"] as const, from: "08:00", to: "24:00" },
  ].map((shift) => ({ ...shift, days: [...shift.days] })),
};
const at = (text: string) => onDuty(roster, Date.parse(`${text}+08:00`)).join();

test("the duty follows the roster in its zone, over midnight too", () => {
  expect(at("2026-11-20T08:00")).toBe("Day");
  expect(at("2026-11-20T19:59")).toBe("Day");
  expect(at("2026-11-20T20:00")).toBe("Night");
  // Friday's night shift ends on Saturday.
  expect(at("2026-11-21T07:59")).toBe("Night");
  expect(at("2026-11-21T08:00")).toBe("Weekend");
  expect(at("2026-11-22T23:59")).toBe("Weekend");
  expect(at("2026-11-23T00:00")).toBe("");
});
