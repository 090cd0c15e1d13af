import { expect, test } from "vitest";
import { formatLocal, minuteOfDay, windowOf, windowsBetween } from "./calendar.ts";

const quarters = (zone: string, local: string): number => {
  const { start, end } = windowOf("1d", Date.parse(local), zone);
  return windowsBetween("15m", start, end, zone).length;
};
const iso = (ts: number): string => new Date(ts).toISOString();

test("TV-DST-1: Berlin's short day has 92 quarter-hours, its long day 100", () => {
  expect(quarters("Europe/Berlin", "2026-03-29T10:00:00Z")).toBe(92);
  expect(quarters("Europe/Berlin", "2026-10-25T10:00:00Z")).toBe(100);
});
test("a day in Shanghai always has 96", () => {
  expect(quarters("Asia/Shanghai", "2026-03-29T10:00:00Z")).toBe(96);
});
test("a civil day begins at local midnight", () => {
  expect(iso(windowOf("1d", Date.parse("2026-11-21T01:00:00Z"), "Asia/Shanghai").start)).toBe(
    "2026-11-20T16:00:00.000Z",
  );
});
test("hours follow the wall clock where it is off by half an hour", () => {
  expect(iso(windowOf("1h", Date.parse("2026-11-21T01:00:00Z"), "Asia/Kolkata").start)).toBe(
    "2026-11-21T00:30:00.000Z",
  );
});
test("windows are half-open and tagged by start", () => {
  expect(windowOf("1m", 60_000, "UTC")).toEqual({ start: 60_000, end: 120_000 });
  expect(windowOf("1m", 119_999, "UTC")).toEqual({ start: 60_000, end: 120_000 });
  expect(windowOf("15m", -1, "UTC")).toEqual({ start: -900_000, end: 0 });
});
test("hours tile a day whose clock jumps by half an hour", () => {
  const day = windowOf("1d", Date.parse("2026-10-04T05:00:00Z"), "Australia/Lord_Howe");
  const hours = windowsBetween("1h", day.start, day.end, "Australia/Lord_Howe");
  expect(hours.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(day.end - day.start);
  expect(hours).toHaveLength(24);
});
test("windows between two times begin inside them", () => {
  expect(windowsBetween("1m", 30_000, 180_000, "UTC").map(({ start }) => start)).toEqual([60_000, 120_000]);
});
test("the minute of the day is the wall clock's", () => {
  expect(minuteOfDay(Date.parse("2026-07-01T22:30:00Z"), "Europe/Berlin")).toBe(30);
  expect(minuteOfDay(Date.parse("2026-01-01T00:00:00Z"), "America/New_York")).toBe(19 * 60);
});
test("local times carry their offset", () => {
  expect(formatLocal(0, "Asia/Shanghai")).toBe("1970-01-01T08:00:00+08:00");
});
