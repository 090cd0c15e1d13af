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

interface Slot {
  readonly want: Wanted;
  /** Empty until its first sample. */
  readonly column: Column;
}

/** Where the values of one device's rows of one shape go: `at` counts from a row's first value. */
export interface SampleLane {
  readonly slots: readonly (Slot & { readonly at: number })[];
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
  /** The way of a device's rows that have these quantities; null when the model asks for none of them. */
  readonly laneOf: (device: string, quantities: readonly string[]) => SampleLane | null;
  /** `add` for a row of columns: `value` holds its values from `start` on. */
  readonly addRow: (lane: SampleLane, ts: number, value: Float64Array, start: number) => Touched | null;
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
  const slots = new Map<string, readonly Slot[]>();
  for (const [device, wanted] of wantedOf(model))
    slots.set(
      device,
      wanted.map((want) => ({ want, column: { ts: [], value: [] } })),
    );
  const columns = new Map<string, Column>();
  const unsettled = new Map<string, number>();
  // What the values taken in since `begin` touch.
  let [from, to] = [Infinity, -Infinity];

  const begin = (): void => {
    from = Infinity;
    to = -Infinity;
  };
  const touched = (): Touched | null => (to < from ? null : { from, to });
  const touch = (first: number, last: number): void => {
    if (first < from) from = first;
    if (last > to) to = last;
  };

  const touchAround = ({ want, column }: Slot, index: number): void => {
    const { ts, value } = column;
    const at = ts[index] ?? 0;
    const before = ts[index - 1];
    const after = ts[index + 1];
    if (want.kind === "factor") {
      touch(at, Math.min(after ?? Infinity, at + priceFreshMs));
      return;
    }
    const reach = want.kind === "gauge" ? want.gapMs : limits.bridgeMs;
    let first = before === undefined || at - before > reach ? at : before;
    const last = after === undefined || after - at > reach ? at : after;
    if (want.kind === "register" && before !== undefined) {
      const odd = registerDelta(value[index - 1] ?? 0, value[index] ?? 0, at - before, want).code !== "OK";
      const left = odd ? unsettledReadings : (unsettled.get(want.key) ?? 0);
      if (left > 0) {
        unsettled.set(want.key, left - 1);
        first = Math.min(first, ts[Math.max(0, index - unsettledReadings)] ?? first);
      }
    }
    touch(first, last);
  };

  const put = (slot: Slot, ts: number, value: number): void => {
    const { want, column } = slot;
    const count = column.ts.length;
    if (count === 0) columns.set(want.key, column);
    let index = count;
    if (count === 0 || ts > (column.ts[count - 1] ?? 0)) {
      column.ts.push(ts);
      column.value.push(value);
    } else {
      index = firstFrom(column.ts, ts);
      if (column.ts[index] === ts) {
        if (column.value[index] === value) return;
        column.value[index] = value;
      } else if (index === 0) {
        // Older than what is held: it would stand alone, so the store is asked when its window is accounted again.
        touch(ts - want.gapMs, ts + (want.kind === "factor" ? priceFreshMs : want.gapMs));
        return;
      } else {
        column.ts.splice(index, 0, ts);
        column.value.splice(index, 0, value);
      }
    }
    touchAround(slot, index);
  };

  return {
    columns,
    add: (reading) => {
      begin();
      for (const slot of slots.get(reading.device) ?? []) {
        const { quantity } = slot.want;
        const value = Object.hasOwn(reading.quantities, quantity) ? reading.quantities[quantity] : undefined;
        if (value !== undefined) put(slot, reading.ts, value);
      }
      return touched();
    },
    laneOf: (device, quantities) => {
      const found = (slots.get(device) ?? []).flatMap((slot) => {
        const at = quantities.indexOf(slot.want.quantity);
        return at < 0 ? [] : [{ ...slot, at }];
      });
      return found.length === 0 ? null : { slots: found };
    },
    addRow: (lane, ts, value, start) => {
      begin();
      for (const slot of lane.slots) put(slot, ts, value[start + slot.at] ?? Number.NaN);
      return touched();
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
