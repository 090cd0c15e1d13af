import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Account } from "./account.ts";
import { accountWindow } from "./close.ts";
import { composeAccounts } from "./compose.ts";
import type { Samples } from "./meter.ts";
import type { SiteModel } from "./model.ts";
import { sampleKey } from "./node-account.ts";
import { parseSite } from "./site.ts";
import { type Closure, findSuspect, ratioSignature, type Signature, signatureNames, signatures } from "./suspect.ts";

interface Part {
  readonly kind: "grid" | "source" | "load";
  readonly ratingW: number;
  /** Load over rating in each interval. */
  readonly loads: readonly number[];
  /** Error of the meter within its class, −1..1. */
  readonly error: number;
}

const limitPct = 0.5;
const intervals = 15;

/** A site whose grid carries what its loads take and its sources do not give. */
const closuresOf = (parts: readonly Part[], fault: { readonly index: number; readonly factor: number } | null) => {
  const busW = 2 * parts.reduce((sum, part) => sum + part.ratingW, 0);
  const closures: Closure[] = [];
  for (let at = 0; at < intervals; at++) {
    const truth = parts.map((part) => part.ratingW * (part.loads[at] ?? 0.5));
    const net = parts.reduce((sum, part, index) => sum + (part.kind === "load" ? 1 : -1) * (truth[index] ?? 0), 0);
    const meters = [{ kind: "grid" as const, ratingW: busW, error: 0.3, loads: [] }, ...parts].map((part, index) => {
      const healthy = (index === 0 ? net : (truth[index - 1] ?? 0)) * (1 + (part.error * limitPct) / 100);
      return {
        node: `n${index}`,
        point: `MP.${index}`,
        device: `d${index}`,
        side: part.kind === "load" ? (-1 as const) : (1 as const),
        powerW: fault?.index === index ? healthy * fault.factor : healthy,
        limitPct,
        ratingW: part.ratingW,
        bothWays: part.kind === "grid",
      };
    });
    const residualW = meters.reduce((sum, meter) => sum + meter.side * meter.powerW, 0);
    const uncertaintyW = Math.sqrt(meters.reduce((sum, { powerW }) => sum + ((limitPct / 100) * powerW) ** 2 / 3, 0));
    closures.push({ meters, residualW, uncertaintyW, floorW: 100 });
  }
  return closures;
};

/** Loads of 0.35 to 0.95 that no other seed has: two meters of one shape could not be told apart by anybody. */
const profile = (seed: number): readonly number[] => {
  let state = seed >>> 0;
  return Array.from({ length: intervals }, () => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return 0.35 + (0.6 * ((mixed ^ (mixed >>> 14)) >>> 0)) / 2 ** 32;
  });
};

const part = fc.record({
  kind: fc.constantFrom("load" as const, "load" as const, "source" as const),
  ratingW: fc.integer({ min: 20_000, max: 100_000 }),
  seed: fc.integer(),
  error: fc.double({ min: -0.5, max: 0.5, noNaN: true }),
});
const site = fc
  .array(part, { minLength: 3, maxLength: 12 })
  .map((parts) => parts.map(({ seed, ...one }, index): Part => ({ ...one, loads: profile(seed + 7_919_000 * index) })));

describe("the meter most likely wrong", () => {
  test("is not named where no meter is wrong", () => {
    fc.assert(
      fc.property(site, (parts) => {
        expect(findSuspect(closuresOf(parts, null))).toBeNull();
      }),
    );
  });
  test("is named with its signature, whichever meter of whichever site and whichever fault", () => {
    fc.assert(
      fc.property(site, fc.nat(), fc.constantFrom(...signatureNames), (parts, pick, signature) => {
        const index = 1 + (pick % parts.length);
        const closures = closuresOf(parts, { index, factor: signatures[signature] });
        const found = findSuspect(closures);
        expect(found).toMatchObject({ device: `d${index}`, point: `MP.${index}`, signature });
        // A small load may leave a single interval within the tolerance.
        expect(found?.open).toBeGreaterThan(intervals / 2);
        expect(Math.abs(found?.correctedW ?? Infinity)).toBeLessThanOrEqual(found?.toleranceW ?? 0);
      }),
      { numRuns: 300 },
    );
  });
  test("may be the grid connection itself", () => {
    fc.assert(
      fc.property(site, fc.constantFrom<Signature>("REVERSED", "THOUSANDTH", "TENTH"), (parts, signature) => {
        const closures = closuresOf(
          parts.map((one) => ({ ...one, kind: "load" as const })),
          { index: 0, factor: signatures[signature] },
        );
        expect(findSuspect(closures)).toMatchObject({ device: "d0", signature });
      }),
    );
  });
  test("is nobody when a constant load has no meter", () => {
    fc.assert(
      fc.property(site, fc.integer({ min: 20_000, max: 60_000 }), (parts, unmeteredW) => {
        const closures = closuresOf(parts, null).map((closure) => ({
          ...closure,
          residualW: closure.residualW + unmeteredW,
        }));
        expect(findSuspect(closures)).toBeNull();
      }),
    );
  });
  test("is nobody when many alike would explain a single interval", () => {
    const alike = Array.from({ length: 9 }, (): Part => ({ kind: "load", ratingW: 50_000, loads: [0.5], error: 0 }));
    const [closure] = closuresOf(alike, null);
    if (closure === undefined) throw new Error("no interval");
    // Any of them at 1/√3 of the truth would leave this much.
    const residualW = closure.residualW + 25_000 * (Math.sqrt(3) - 1);
    expect(findSuspect([{ ...closure, residualW }])).toBeNull();
  });
  test("is known at once when a load runs backwards", () => {
    const alike = Array.from({ length: 9 }, (): Part => ({ kind: "load", ratingW: 50_000, loads: [0.5], error: 0 }));
    expect(findSuspect(closuresOf(alike, { index: 3, factor: -1 }).slice(0, 1))).toMatchObject({
      device: "d3",
      signature: "REVERSED",
      rivals: [],
    });
  });
  test("needs something to look at", () => {
    expect(findSuspect([])).toBeNull();
  });
});

describe("a ratio that should be one", () => {
  test("is a signature within three per cent of it", () => {
    for (const name of signatureNames) expect(ratioSignature(signatures[name] * 1.02)).toBe(name);
    expect(ratioSignature(1)).toBeNull();
    expect(ratioSignature(0)).toBeNull();
    expect(ratioSignature(1.5)).toBeNull();
  });
});

const minute = 60_000;
const start = Date.UTC(2026, 10, 21);
const model: SiteModel = (() => {
  const parsed = parseSite(
    `
site: hall
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 200000
nodes:
  - { id: grid, kind: grid, rating_w: 200000, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh, meter_class: 0.5 }] }
  - id: rack
    kind: it
    rating_w: 60000
    points:
      - { code: MP.IT.IN.A, device: feed-a, energy_forward: energy_import_wh, meter_class: 0.5 }
      - { code: MP.IT.IN.B, device: feed-b, energy_forward: energy_import_wh, meter_class: 0.5 }
  - { id: chiller, kind: cooling, rating_w: 60000, points: [{ code: MP.COOL, device: cool, energy_forward: energy_import_wh, meter_class: 0.5 }] }
`,
    "hall.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
})();

/** Quarter of an hour of a hall; `shown` is what a meter makes of its true power and of its true energy. */
const quarter = (shown: Readonly<Record<string, readonly [power: number, energy: number]>>): Account => {
  const columns = new Map<string, Samples>();
  const times = Array.from({ length: 110 }, (_, index) => start + (index - 10) * 10_000);
  const put = (device: string, power: (ts: number) => number): void => {
    const [gain, counts] = shown[device] ?? [1, 1];
    let wh = 100_000;
    columns.set(sampleKey(device, "power_w"), { ts: times, value: times.map((ts) => gain * power(ts)) });
    columns.set(sampleKey(device, "energy_import_wh"), {
      ts: times,
      value: times.map((ts) => (wh += Math.max(0, (counts * power(ts) * 10_000) / 3_600_000))),
    });
  };
  const wave = (meanW: number, period: number) => (ts: number) =>
    meanW * (1 + 0.3 * Math.sin((ts - start) / (period * minute)));
  const a = wave(20_000, 1.1);
  const b = wave(24_000, 1.7);
  const cool = wave(30_000, 2.3);
  put("feed-a", a);
  put("feed-b", b);
  put("cool", cool);
  put("grid", (ts) => a(ts) + b(ts) + cool(ts));
  const accounts = Array.from({ length: 15 }, (_, index) => {
    const window = { step: "1m" as const, start: start + index * minute, end: start + (index + 1) * minute };
    return accountWindow(model, window, columns, { bridgeMs: 3_600_000 });
  });
  return composeAccounts(model, { step: "15m", start, end: start + 15 * minute }, accounts);
};

describe("an account", () => {
  test("of healthy meters closes in power and in energy, and its registers agree with its gauges", () => {
    const { balance, nodes, flags } = quarter({});
    expect(balance.suspect).toBeUndefined();
    expect(flags).not.toContain("METER_SUSPECT");
    expect(Math.abs(balance.residualWh ?? Infinity)).toBeLessThan(3 * (balance.uncertaintyWh ?? 0));
    const { registerWh, powerWh } = nodes.rack?.check ?? { registerWh: 0, powerWh: 1 };
    expect(registerWh / powerWh).toBeCloseTo(1, 2);
  });
  test("names one of two feeds of a rack whose transformer is reversed", () => {
    const { balance, flags } = quarter({ "feed-b": [-1, -1] });
    expect(balance.suspect).toMatchObject({
      node: "rack",
      point: "MP.IT.IN.B",
      device: "feed-b",
      signature: "REVERSED",
    });
    expect(flags).toContain("METER_SUSPECT");
  });
  test("tells a gauge in kilowatts from a register that is right", () => {
    const { balance, nodes } = quarter({ cool: [0.001, 1] });
    expect(balance.suspect).toMatchObject({ device: "cool", signature: "THOUSANDTH", measure: "power" });
    expect(Math.abs(balance.residualWh ?? Infinity)).toBeLessThan(3 * (balance.uncertaintyWh ?? 0));
    const { registerWh, powerWh } = nodes.chiller?.check ?? { registerWh: 0, powerWh: 1 };
    expect(ratioSignature(registerWh / powerWh)).toBe("THOUSANDFOLD");
  });
  test("tells a register with a wrong scale from a gauge that is right", () => {
    expect(quarter({ cool: [1, 0.1] }).balance.suspect).toMatchObject({
      device: "cool",
      signature: "TENTH",
      measure: "energy",
    });
  });
  test("with a wrong transformer ratio shows it in both", () => {
    expect(quarter({ cool: [1 / 3, 1 / 3] }).balance.suspect).toMatchObject({
      device: "cool",
      signature: "THIRD",
      measure: "both",
    });
  });
});
