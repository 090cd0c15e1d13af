import { expect, test } from "vitest";
import { ageMs, formatClock, formatMoment, formatSpan, offsetLabel } from "./time.ts";

const noon = Date.parse("2026-11-21T04:00:05Z");

test("times are told in the site's zone, whatever the browser's", () => {
  expect(formatClock("en", "Asia/Shanghai", noon)).toBe("12:00:05");
  expect(formatClock("en", "America/Los_Angeles", noon)).toBe("20:00:05");
  expect(formatMoment("en", "Asia/Shanghai", noon)).toBe("21 Nov, 12:00:05");
  expect(formatMoment("zh-CN", "Asia/Shanghai", noon)).toBe("11月21日 12:00:05");
});

test("midnight is 00, not 24", () => {
  expect(formatClock("en", "UTC", Date.parse("2026-11-21T00:00:00Z"))).toBe("00:00:00");
});

test("the offset is the one of that day", () => {
  expect(offsetLabel("Asia/Shanghai", noon)).toBe("UTC+8");
  expect(offsetLabel("Europe/Berlin", Date.parse("2026-07-01T00:00:00Z"))).toBe("UTC+2");
  expect(offsetLabel("Asia/Kolkata", noon)).toBe("UTC+5:30");
});

test("a span is told in the largest unit that says enough", () => {
  expect(formatSpan("en", 3999)).toBe("3 secs");
  expect(formatSpan("en", 61_000)).toBe("1 min");
  expect(formatSpan("en", 7_500_000)).toBe("2 hrs 5 mins");
  expect(formatSpan("en", 3 * 86_400_000)).toBe("3 days");
  expect(formatSpan("zh-CN", 12 * 60_000)).toBe("12分钟");
});

test("an age grows between two messages and is never negative", () => {
  expect(ageMs(1000, 3000, 50_000, 50_000)).toBe(2000);
  expect(ageMs(1000, 3000, 50_000, 54_000)).toBe(6000);
  expect(ageMs(9000, 3000, 50_000, 50_000)).toBe(0);
});
