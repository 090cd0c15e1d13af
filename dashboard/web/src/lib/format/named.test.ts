import { expect, test } from "vitest";
import { formatNamed, unitOfName, wordsOfName } from "./named.ts";
import { joined } from "./number.ts";

test("the unit is the last part of the name", () => {
  expect(unitOfName("residual_w")).toBe("W");
  expect(unitOfName("residualW")).toBe("W");
  expect(unitOfName("coverage_pct")).toBe("%");
  expect(unitOfName("ageMs")).toBe("ms");
  expect(unitOfName("method")).toBeNull();
});

test("the name is read without its unit", () => {
  expect(wordsOfName("residual_w")).toBe("residual");
  expect(wordsOfName("toleranceW")).toBe("tolerance");
  expect(wordsOfName("last_state")).toBe("last state");
});

test("a named value carries its unit, a word stays a word", () => {
  expect(joined(formatNamed("en", "residual_w", 18_600))).toBe("18.6 kW");
  expect(joined(formatNamed("en", "method", "fixed"))).toBe("fixed");
  expect(joined(formatNamed("en", "age_s", null))).toBe("— s");
});
