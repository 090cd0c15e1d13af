import { expect, test } from "vitest";
import { fromLocalField, toLocalField } from "./field.ts";

test("a time field holds the site's time and gives the same moment back", () => {
  const noon = Date.parse("2026-11-21T04:05:00Z");
  expect(toLocalField(noon, "Asia/Shanghai")).toBe("2026-11-21T12:05");
  expect(fromLocalField("2026-11-21T12:05", "Asia/Shanghai")).toBe(noon);
  expect(fromLocalField("soon", "Asia/Shanghai")).toBeNull();
});

test("a time field is right on both sides of a change of clocks", () => {
  for (const iso of ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-10-25T02:30:00Z"]) {
    const ts = Date.parse(iso);
    expect(fromLocalField(toLocalField(ts, "Europe/Berlin"), "Europe/Berlin")).toBe(ts);
  }
});
