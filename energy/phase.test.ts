import { expect, test } from "vitest";
import { billingPowerFactor, failoverLoading, nemaUnbalance, sequenceUnbalance } from "./phase.ts";

test("TV-UNB-1: 203, 210 and 212 V are unbalanced by 2.560 % (NEMA), u2 2.606 %", () => {
  expect(nemaUnbalance([203, 210, 212])).toBeCloseTo(2.56, 3);
  expect(sequenceUnbalance([203, 210, 212])).toBeCloseTo(2.606, 3);
});
test("TV-UNB-2: 243, 236 and 238 V by 1.6736 %, u2 1.7473 %", () => {
  expect(nemaUnbalance([243, 236, 238])).toBeCloseTo(1.6736, 4);
  expect(sequenceUnbalance([243, 236, 238])).toBeCloseTo(1.7473, 4);
});
test("TV-UNB-3: 220, 216 and 213 V by 1.6949 %, u2 1.8770 %", () => {
  expect(nemaUnbalance([220, 216, 213])).toBeCloseTo(1.6949, 4);
  expect(sequenceUnbalance([220, 216, 213])).toBeCloseTo(1.877, 4);
});
test("TV-UNB-4: 460, 467 and 450 V by 1.9608 %, u2 2.1465 %", () => {
  expect(nemaUnbalance([460, 467, 450])).toBeCloseTo(1.9608, 4);
  expect(sequenceUnbalance([460, 467, 450])).toBeCloseTo(2.1465, 4);
});
test("equal voltages are balanced; voltages that make no triangle and dead ones say nothing", () => {
  expect(sequenceUnbalance([400, 400, 400])).toBeCloseTo(0, 6);
  expect(sequenceUnbalance([400, 100, 100])).toBeNull();
  expect(sequenceUnbalance([0, 0, 0])).toBeNull();
  expect(nemaUnbalance([0, 0, 0])).toBeNull();
});
test("TV-PF-1: 1,000 kWh and 484.3 kvarh are a power factor of 0.90001", () => {
  expect(billingPowerFactor(1000, 484.3)).toBeCloseTo(0.90001, 5);
  expect(billingPowerFactor(0, 0)).toBeNull();
});
test("TV-N1-1: feeds of 480 and 560 on 1,000 each fail over to 1.04; 1,380 and 1,560 on four of 500 to 0.92 and 1.04", () => {
  expect(failoverLoading(480 + 560, [1000, 1000])).toBeCloseTo(1.04, 9);
  expect(failoverLoading(1380, [500, 500, 500, 500])).toBeCloseTo(0.92, 9);
  expect(failoverLoading(1560, [500, 500, 500, 500])).toBeCloseTo(1.04, 9);
  expect(failoverLoading(1, [1000])).toBeNull();
});
