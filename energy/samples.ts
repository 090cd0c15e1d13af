import type { Reading } from "#store";
import { firstFrom, registerDelta } from "./meter.ts";
import type { SiteModel } from "./model.ts";
import { gapOf, type SamplesByPoint, sampleKey } from "./node-account.ts";
import { priceFreshMs } from "./tariff.ts";

interface Wanted {
  readonly quantity: string;
  readonly key: string;
  readonly kind: "gauge" | "register" | "factor";
  readonly gapMs: number;
  readonly maxPerHour: number;
  readonly modulus: number | null;
  readonly resolution: number;
}

interface Column {
  readonly ts: number[];
  readonly value: number[];
}

/** Event time in which an account may have changed, `[from, to)`. */
export interface Touched {
  readonly from: number;
  readonly to: number;
}

/** The recent samples of one site that its model asks for. */
export interface SiteSamples {
  readonly columns: SamplesByPoint;
  /** Takes a committed reading in and says what it touches; null when no account depends on it. */
  readonly add: (reading: Reading) => Touched | null;
  /** Lets go of what no open window needs; a few older samples stay as context. */
  readonly drop: (before: number) => void;
}

// Enough for the counter algorithm to settle a spike or a swap that lies before a window.
const kept = 12;
// A register that did something odd may be settled by the next three readings.
const unsettledReadings = 4;

const wantedOf = (model: SiteModel): Map<string, Wanted[]> => {
  const wanted = new Map<string, Wanted[]>();
  const want = (device: string, quantity: string | null, rest: Omit<Wanted, "quantity" | "key">): void => {
    if (quantity === null) return;
    const list = wanted.get(device) ?? [];
    wanted.set(device, list);
    if (!list.some((known) => known.quantity === quantity))
      list.push({ quantity, key: sampleKey(device, quantity), ...rest });
  };
  for (const node of model.nodes) {
    for (const point of node.points) {
      const gapMs = gapOf(point.intervalMs);
      const maxPerHour = node.ratingW ?? model.busRatingW;
      const { modulusWh: modulus, resolutionWh: resolution } = point.register;
      const register = { kind: "register", gapMs, maxPerHour, modulus, resolution } as const;
      want(point.device, point.power, { ...register, kind: "gauge" });
      want(point.device, point.soc, { ...register, kind: "gauge" });
      want(point.device, point.energyForward, register);
      want(point.device, point.energyReverse, register);
      if (node.kind === "pv" || node.kind === "wind") want(point.device, "available_w", { ...register, kind: "gauge" });
    }
  }
  const free = { gapMs: gapOf(0), maxPerHour: Infinity, modulus: null, resolution: 0 };
  if (model.tariff !== null && model.tariff.device !== null)
    want(model.tariff.device, "price_per_kwh", { ...free, kind: "factor" });
  if (model.carbon !== null && model.carbon.device !== null)
    for (const quantity of ["carbon_g_per_kwh", "carbon_free_pct"])
      want(model.carbon.device, quantity, { ...free, kind: "factor" });
  for (const work of model.compute?.work ?? []) want(work.device, work.quantity, { ...free, kind: "register" });
  return wanted;
};

export const createSiteSamples = (model: SiteModel, limits: { readonly bridgeMs: number }): SiteSamples => {
  const wanted = wantedOf(model);
  const columns = new Map<string, Column>();
  const unsettled = new Map<string, number>();

  const touchedBy = (want: Wanted, column: Column, index: number): Touched => {
    const { ts, value } = column;
    const at = ts[index] ?? 0;
    const before = ts[index - 1];
    const after = ts[index + 1];
    if (want.kind === "factor") return { from: at, to: Math.min(after ?? Infinity, at + priceFreshMs) };
    const reach = want.kind === "gauge" ? want.gapMs : limits.bridgeMs;
    let from = before === undefined || at - before > reach ? at : before;
    const to = after === undefined || after - at > reach ? at : after;
    if (want.kind === "register" && before !== undefined) {
      const odd = registerDelta(value[index - 1] ?? 0, value[index] ?? 0, at - before, want).code !== "OK";
      const left = odd ? unsettledReadings : (unsettled.get(want.key) ?? 0);
      if (left > 0) {
        unsettled.set(want.key, left - 1);
        from = Math.min(from, ts[Math.max(0, index - unsettledReadings)] ?? from);
      }
    }
    return { from, to };
  };

  const put = (want: Wanted, ts: number, value: number): Touched | null => {
    let column = columns.get(want.key);
    if (column === undefined) {
      column = { ts: [], value: [] };
      columns.set(want.key, column);
    }
    const last = column.ts.at(-1);
    if (last === undefined || ts > last) {
      column.ts.push(ts);
      column.value.push(value);
      return touchedBy(want, column, column.ts.length - 1);
    }
    const index = firstFrom(column.ts, ts);
    if (column.ts[index] === ts) {
      if (column.value[index] === value) return null;
      column.value[index] = value;
      return touchedBy(want, column, index);
    }
    // Older than what is held: it would stand alone, so the store is asked when its window is accounted again.
    if (index === 0) return { from: ts - want.gapMs, to: ts + (want.kind === "factor" ? priceFreshMs : want.gapMs) };
    column.ts.splice(index, 0, ts);
    column.value.splice(index, 0, value);
    return touchedBy(want, column, index);
  };

  return {
    columns,
    add: (reading) => {
      let from = Infinity;
      let to = -Infinity;
      for (const want of wanted.get(reading.device) ?? []) {
        const value = Object.hasOwn(reading.quantities, want.quantity) ? reading.quantities[want.quantity] : undefined;
        if (value === undefined) continue;
        const touched = put(want, reading.ts, value);
        if (touched === null) continue;
        from = Math.min(from, touched.from);
        to = Math.max(to, touched.to);
      }
      return to < from ? null : { from, to };
    },
    drop: (before) => {
      for (const { ts, value } of columns.values()) {
        const count = Math.min(firstFrom(ts, before), ts.length) - kept;
        // Cutting the head of an array costs its length, so it is done in strides.
        if (count < 64 && count < ts.length / 2) continue;
        if (count <= 0) continue;
        ts.splice(0, count);
        value.splice(0, count);
      }
    },
  };
};
