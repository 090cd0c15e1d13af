import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  carbonUsage,
  computeUse,
  coolingRatio,
  energyProductivity,
  renewableFactor,
  reuseEffectiveness,
  reuseFactor,
  serverEfficiency,
  serverUtilisation,
  sourceWaterUsage,
  waterUsage,
} from "./indicator.ts";

const litresPerGallon = 3.785411784;

describe("published and worked figures", () => {
  test("TV-REF-1: 1,500 on site, 4,000 contracted and 2,500 certified of 10,000 are 0.80", () => {
    expect(renewableFactor({ onSite: 1500, contracted: 4000, certified: 2500 }, 10_000)).toBe(0.8);
    expect(renewableFactor({ onSite: 1500, contracted: 0, certified: 2500 }, 10_000)).toBe(0.4);
  });
  test("TV-ERE-1: 1,250,000, 820,000 and 210,000 reused give ERE 1.26829 and ERF 0.168", () => {
    expect(reuseEffectiveness(1_250_000, 210_000, 820_000)).toBeCloseTo(1.26829, 5);
    expect(reuseFactor(210_000, 1_250_000)).toBeCloseTo(0.168, 9);
  });
  test("TV-CUE-1: 10,000 kWh and 20 L of diesel for 9,000 kWh of IT are 0.60218", () => {
    const sources = [
      { amount: 10_000, kgPerUnit: 0.5366 },
      { amount: 20, kgPerUnit: 2.68 },
    ];
    expect(carbonUsage(sources, 9000)).toBeCloseTo(0.60218, 5);
  });
  test("TV-WUE-1: 2.5 million gallons on 8.76 GWh are 1.0803 L/kWh, 1.16 million fewer 0.5790", () => {
    expect(waterUsage(2.5e6 * litresPerGallon, 8.76e6)).toBeCloseTo(1.0803, 4);
    expect(waterUsage(1.34e6 * litresPerGallon, 8.76e6)).toBeCloseTo(0.579, 4);
    expect(sourceWaterUsage(1.1, 1.8, 1.3)).toBeCloseTo(3.44, 9);
  });
  test("TV-ITEE-1: two servers are 2,763.36 operations per watt, not the mean of their ratios", () => {
    const servers = [
      { performance: 865_618, powerW: 258 },
      { performance: 400_000, powerW: 200 },
    ];
    expect(serverEfficiency(servers)).toBeCloseTo(2763.36, 2);
  });
  test("TV-ITEU-1: servers at 10, 20, 30 and 60 % are used by 30 %", () => {
    expect(serverUtilisation([10, 20, 30, 60])).toBe(30);
  });
  test("9,200 MWh of heat for 1,840 MWh of cooling are a CER of 5", () => {
    expect(coolingRatio(9200, 1840)).toBe(5);
  });
  test("1.2 million jobs on 13,000 kWh are 92.3 jobs per kWh", () => {
    expect(energyProductivity([{ completed: 1.2e6, value: 1 }], 13_000)).toBeCloseTo(92.3, 1);
  });
  test("servers serving in 25, 100 and 0 % of the samples are 41.67 %", () => {
    const servers = [25, 100, 0].map((serving) => ({ serving, samples: 100 }));
    expect(computeUse(servers)).toBeCloseTo(41.67, 2);
  });
});

describe("laws", () => {
  test("ERE is (1 − ERF) × PUE", () => {
    const energy = fc.integer({ min: 1, max: 1e9 });
    fc.assert(
      fc.property(energy, energy, fc.double({ min: 0, max: 1, noNaN: true }), (facility, it, share) => {
        const reused = share * facility;
        const erf = reuseFactor(reused, facility) ?? Number.NaN;
        const ere = reuseEffectiveness(facility, reused, it) ?? Number.NaN;
        const expected = ((1 - erf) * facility) / it;
        expect(Math.abs(ere - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, expected, facility / it));
        expect(erf).toBeGreaterThanOrEqual(0);
        expect(erf).toBeLessThanOrEqual(1);
      }),
    );
  });
  test("without a denominator nothing is known", () => {
    expect(reuseEffectiveness(1, 0, 0)).toBeNull();
    expect(serverUtilisation([])).toBeNull();
    expect(serverEfficiency([])).toBeNull();
    expect(waterUsage(1, 0)).toBeNull();
    expect(computeUse([{ serving: 1, samples: 0 }])).toBeNull();
  });
});
