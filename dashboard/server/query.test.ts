import { expect, test } from "vitest";
import { z } from "zod";
import { instant, rangeQuery } from "./query.ts";

const read = (given: unknown) => {
  const parsed = instant.safeParse(given);
  return parsed.success ? parsed.data : parsed.error.issues.map(({ message }) => message).join();
};

test("a time is milliseconds, as a number or in an address", () => {
  expect(read("1795219200000")).toBe(1795219200000);
  expect(read(1795219200000)).toBe(1795219200000);
  expect(read("0")).toBe(0);
});

test("a time is ISO 8601 with its offset, whose plus may have become a space", () => {
  expect(read("2026-11-21T00:00:00Z")).toBe(1795219200000);
  expect(read("2026-11-21T08:00+08:00")).toBe(1795219200000);
  expect(read("2026-11-21T08:00:00.250 08:00")).toBe(1795219200250);
});

test("what is no time is told what is expected, with an example of each", () => {
  const said = read("yesterday");
  expect(said).toBe(
    'must be milliseconds since 1970 UTC such as 1795219200000, or ISO 8601 with an offset such as 2026-11-21T08:00:00+08:00, got "yesterday"',
  );
  for (const bad of [
    "",
    "1.5",
    "-1",
    "1e3",
    "2026-11-21",
    "2026-11-21T08:00:00",
    "2026-13-41T08:00:00Z",
    -1,
    1.5,
    Number.NaN,
    null,
  ])
    expect(read(bad), String(bad)).toMatch(/^must be milliseconds since 1970 UTC such as \d+, or ISO 8601/);
});

test("the end is after the start, however each is written", () => {
  const query = rangeQuery({});
  expect(query.safeParse({ from: "2026-11-21T08:00:00+08:00", to: "1795219200001" }).success).toBe(true);
  expect(query.safeParse({ from: "2026-11-21T08:00:00+08:00", to: "1795219200000" }).success).toBe(false);
});

test("the description of the interface says the same", () => {
  const told = JSON.stringify(z.toJSONSchema(rangeQuery({}), { io: "input" }));
  expect(told).toContain("start, included: milliseconds since 1970 UTC such as 1795219200000");
});
