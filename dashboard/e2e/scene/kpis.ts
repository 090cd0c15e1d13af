import type { KpisWire, NowWire, TrendWire } from "../../server/wire.ts";
import { type Mood, place } from "./place.ts";

type Kpi = KpisWire["items"][number];

const minute = 60_000;
const hour = 60 * minute;

const kpi = (ts: number, part: Partial<Kpi> & Pick<Kpi, "kpi" | "value" | "unit">): Kpi => ({
  standard: "own definition, per minute",
  numerator: 80.2,
  denominator: 60.3,
  numUnit: "kWh",
  denUnit: "kWh",
  window: {
    start: new Date(ts - 15 * minute).toISOString(),
    end: new Date(ts).toISOString(),
    tz: place.timeZone,
    complete: true,
  },
  boundaryId: "jinan-1@7f3a",
  coverage: 1,
  quality: "MEASURED",
  flags: ["SYNTHETIC_INPUT"],
  revision: 0,
  ...part,
});

export const kpisAt = (ts: number, mood: Mood): NowWire["kpis"] => {
  const partly = mood === "stale" ? { coverage: 0.87, quality: "PARTLY_ESTIMATED" as const } : {};
  return {
    pue: kpi(ts, {
      kpi: "pue",
      variant: "cat2",
      value: 1.33,
      unit: "1",
      standard: "ISO/IEC 30134-2:2026 (aligned), interval PUE",
      uncertainty: 0.02,
      ...partly,
    }),
    "compute_per_watt/h200-1/work_samples:it": kpi(ts, {
      kpi: "compute_per_watt",
      variant: "h200-1/work_samples:it",
      value: 41_320_000 / 1.54,
      unit: "sample/kWh",
      numerator: 41_320_000,
      denominator: 1.54,
      numUnit: "sample",
      standard: "The Green Grid DCeP (aligned), declared work",
    }),
    "compute_per_watt/h200-1/work_samples:facility": kpi(ts, {
      kpi: "compute_per_watt",
      variant: "h200-1/work_samples:facility",
      value: 41_320_000 / 1.54 / 1.33,
      unit: "sample/kWh",
      numerator: 41_320_000,
      denominator: 2.05,
      numUnit: "sample",
    }),
    carbon_intensity: kpi(ts, {
      kpi: "carbon_intensity",
      value: 412.6,
      unit: "gCO2e/kWh",
      numerator: 33_100,
      numUnit: "gCO2e",
      flags: ["FACTOR_DEFAULT"],
    }),
    self_sufficiency: kpi(ts, { kpi: "self_sufficiency", value: 0.268, unit: "1", ...partly }),
  };
};

const stepMs = { "1m": minute, "15m": 15 * minute, "1h": hour, "1d": 24 * hour };

export const trendOf = (kpiId: string, variant: string | null, from: number, to: number): TrendWire => {
  const span = to - from;
  const step = span <= 6 * hour ? "1m" : span <= 48 * hour ? "15m" : span <= 40 * 24 * hour ? "1h" : "1d";
  const width = stepMs[step];
  const start: number[] = [];
  for (let at = Math.floor(from / width) * width; at < to; at += width) start.push(at);
  const day = (at: number): number => Math.sin(((at + 8 * hour) / (24 * hour)) * 2 * Math.PI);
  const noise = (at: number): number => Math.sin(at / 371_000) * 0.6 + Math.sin(at / 97_000) * 0.4;
  const shape = (at: number): number => {
    if (kpiId === "pue") return 1.33 - 0.05 * day(at) + 0.006 * noise(at);
    if (kpiId === "self_sufficiency") return Math.max(0, 0.34 - 0.4 * day(at + 3 * hour) + 0.02 * noise(at));
    if (kpiId === "carbon_intensity") return 520 + 95 * day(at + 3 * hour) + 8 * noise(at);
    if (kpiId === "it_energy") return ((240 - 22 * day(at) + 4 * noise(at)) * width) / hour;
    const it = 26_800_000 + 900_000 * noise(at) - 700_000 * day(at);
    return variant?.endsWith(":facility") === true ? it / (1.33 - 0.05 * day(at)) : it;
  };
  // An hour without data in every sixteen: gaps must show as gaps.
  const value = start.map((at) => (kpiId !== "pue" && Math.floor(at / hour) % 16 === 3 ? null : shape(at)));
  const unit = kpiId === "pue" ? "1" : kpiId === "it_energy" ? "kWh" : "sample/kWh";
  return {
    site: place.id,
    kpi: kpiId,
    variant: kpiId === "pue" ? "cat2" : variant,
    unit,
    step,
    start,
    value,
    numerator: value,
    denominator: value.map(() => null),
    coverage: value.map((one) => (one === null ? 0 : 1)),
    quality: value.map((one) => (one === null ? "INVALID" : "MEASURED")),
  };
};
