import { expect, test } from "vitest";
import { createLatency } from "./latency.ts";

test("percentiles are within nine per cent of the truth", () => {
  const latency = createLatency();
  for (let ms = 1; ms <= 1000; ms += 1) latency.add(ms, 5000);
  expect(latency.percentile(0.5, 5000) / 500).toBeCloseTo(1, 1);
  expect(latency.percentile(0.99, 5000) / 990).toBeCloseTo(1, 1);
});

test("what is older than a minute is forgotten", () => {
  const latency = createLatency();
  latency.add(800, 0);
  latency.add(2, 59_000);
  expect(latency.percentile(1, 59_999)).toBeGreaterThan(700);
  expect(latency.percentile(1, 60_000)).toBeLessThan(3);
  expect(latency.percentile(1, 600_000)).toBe(0);
});

test("the shortest and the longest times have a place", () => {
  const latency = createLatency();
  latency.add(0, 0);
  latency.add(1e9, 0);
  expect(latency.percentile(0.5, 0)).toBeLessThan(0.02);
  expect(latency.percentile(1, 0)).toBeGreaterThan(100_000);
});
