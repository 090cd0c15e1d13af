import type { Reading } from "#store";
import { alikeOf } from "./alike.ts";
import { registerCap, registerDelta, type Samples } from "./meter.ts";
import type { SiteModel } from "./model.ts";
import { gapOf, type SampleSlots, type SamplesByPoint } from "./node-account.ts";
import { createSampleStore } from "./sample-store.ts";
import { isSentinel, type SentinelsIn } from "./sentinel.ts";
import { isOdd, type LagOf } from "./skew.ts";
import { priceFreshMs } from "./tariff.ts";
import { versionsOf } from "./validity.ts";

interface Wanted {
  readonly quantity: string;
  readonly kind: "gauge" | "register" | "factor";
  readonly gapMs: number;
  readonly maxPerHour: number;
  readonly modulus: number | null;
  readonly resolution: number;
  readonly sentinels: readonly number[];
}

/** Where the values of one device's rows of one shape go. */
export interface SampleLane {
  readonly wanted: readonly Wanted[];
  /** The slot of the first one wanted; the others follow. */
  readonly slot: number;
  /** Places of their values, from a row's first value on; −1 when rows of that shape have none. */
  readonly at: readonly number[];
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
  readonly addRow: (
    lane: SampleLane,
    times: { readonly ts: number; readonly received: number },
    value: Float64Array,
    start: number,
  ) => Touched | null;
  /** Devices of which a value that is asked for was never taken in. */
  readonly silent: () => readonly string[];
  /** What `look` finds when it knows no sample from `until` on. */
  readonly asOf: <Found>(until: number, look: () => Found) => Found;
  /** Lets go of what no open window needs; a few older samples stay as context. */
  readonly drop: (before: number) => void;
}

// What the counter algorithm looks at before a window, to settle a spike or a swap; of others the line into it is enough.
const keptOfRegister = 8;
const keptOfGauge = 2;
// Weather stations speak every few minutes to every hour.
const hourMs = 3_600_000;
// A register that did something odd may be settled by the next three readings.
const unsettledReadings = 4;

const noSentinels: readonly number[] = [];

const wantedOf = (model: SiteModel): Map<string, Wanted[]> => {
  const wanted = new Map<string, Wanted[]>();
  const want = (device: string, quantity: string | null, rest: Omit<Wanted, "quantity">): void => {
    if (quantity === null) return;
    const list = wanted.get(device) ?? [];
    wanted.set(device, list);
    if (!list.some((known) => known.quantity === quantity)) list.push({ quantity, ...rest });
  };
  for (const node of model.nodes) {
    for (const point of node.points) {
      const gapMs = gapOf(point.intervalMs);
      const maxPerHour = node.ratingW ?? model.busRatingW;
      const { modulusWh: modulus, resolutionWh: resolution } = point.register;
      const { sentinels = noSentinels } = point;
      const register = { kind: "register", gapMs, maxPerHour, modulus, resolution, sentinels } as const;
      want(point.device, point.power, { ...register, kind: "gauge" });
      want(point.device, point.soc, { ...register, kind: "gauge" });
      want(point.device, point.energyForward, register);
      want(point.device, point.energyReverse, register);
      if (node.kind === "battery")
        for (const quantity of ["soh_pct", "runtime_s", "discharge_limit_w"])
          want(point.device, quantity, { ...register, kind: "gauge" });
      if (node.kind === "pv" || node.kind === "wind") want(point.device, "available_w", { ...register, kind: "gauge" });
    }
  }
  const free = { gapMs: gapOf(0), maxPerHour: Infinity, modulus: null, resolution: 0, sentinels: noSentinels };
  if (model.tariff !== null && model.tariff.device !== null)
    want(model.tariff.device, "price_per_kwh", { ...free, kind: "factor" });
  if (model.carbon !== null && model.carbon.device !== null)
    for (const quantity of ["carbon_g_per_kwh", "carbon_free_pct"])
      want(model.carbon.device, quantity, { ...free, kind: "factor" });
  const { media = [], idle = [], servers = [], weather = null } = model.declared ?? {};
  for (const { device, quantity, intervalMs } of media)
    want(device, quantity, { ...free, gapMs: gapOf(intervalMs), kind: "register" });
  for (const { device, utilisation, allocated } of idle)
    for (const quantity of [utilisation, allocated]) want(device, quantity, { ...free, kind: "gauge" });
  for (const { device, utilisation, operating, primary } of servers)
    for (const quantity of [utilisation, operating, ...primary.map((one) => one.quantity)])
      want(device, quantity, { ...free, kind: "gauge" });
  if (weather !== null) want(weather.device, weather.quantity, { ...free, gapMs: hourMs, kind: "gauge" });
  for (const work of model.compute?.work ?? []) want(work.device, work.quantity, { ...free, kind: "register" });
  return wanted;
};

/** Who is asked for what: devices that are asked for the same share one list. */
interface Places {
  /** Lists by the number of a device. */
  readonly lists: readonly (readonly Wanted[])[];
  readonly deviceOf: ReadonlyMap<string, number>;
  /** The slot of the first quantity of a device's list; the others follow. */
  readonly slotOf: Int32Array;
  readonly slots: number;
  readonly isRegister: Uint8Array;
}

const placesOf = (wanted: ReadonlyMap<string, readonly Wanted[]>): Places => {
  const shared = new Map<string, readonly Wanted[]>();
  const deviceOf = new Map<string, number>();
  const slotOf = new Int32Array(wanted.size);
  const lists: (readonly Wanted[])[] = [];
  let slots = 0;
  for (const [device, list] of wanted) {
    // Infinity would be null in JSON.
    const alike = list.map((want) => Object.values(want).join()).join(";");
    const one = shared.get(alike) ?? list;
    shared.set(alike, one);
    slotOf[lists.length] = slots;
    deviceOf.set(device, lists.length);
    lists.push(one);
    slots += list.length;
  }
  const isRegister = Uint8Array.from(lists.flat(), ({ kind }) => Number(kind === "register"));
  return { lists, deviceOf, slotOf, slots, isRegister };
};

/** What any of the site's models asks for; where they differ the newest decides what a late value touches. */
const wantedOfAll = (site: SiteModel): Map<string, Wanted[]> => {
  const [newest, ...older] = versionsOf(site).toReversed().map(wantedOf);
  const all = newest ?? new Map<string, Wanted[]>();
  for (const [device, wanted] of older.flatMap((version) => [...version])) {
    const known = all.get(device) ?? [];
    const fresh = wanted.filter(({ quantity }) => !known.some((want) => want.quantity === quantity));
    all.set(device, [...known, ...fresh]);
  }
  return all;
};

const known = new WeakMap<SiteModel, Places>();

// A minute of a device that speaks every second, and what is looked at around it. One thread looks at one at a time.
const mostCopied = 128;
const copied = { ts: new Float64Array(mostCopied), value: new Float64Array(mostCopied) };

const placesFor = (model: SiteModel): Places => {
  if (model.versions !== undefined) return placesOf(wantedOfAll(model));
  const alike = alikeOf(model);
  const places = known.get(alike) ?? placesOf(wantedOf(alike));
  known.set(alike, places);
  return places;
};

export const createSiteSamples = (model: SiteModel, limits: { readonly bridgeMs: number }): SiteSamples => {
  const places = placesFor(model);
  const { lists, deviceOf, slotOf, slots, isRegister } = places;
  const held = createSampleStore(isRegister);
  const unsettled = new Map<number, number>();
  // Odd lags only, by the first slot of the device and the time of the reading: a site whose clocks are right holds none.
  const odd = new Map<number, { readonly slots: number; readonly lags: Map<number, number> }>();
  // When a slot was told "no value"; a site whose meters never say it holds none.
  const refused = new Map<number, Set<number>>();
  const ways = new Map<string, readonly number[]>();
  let asOf = Infinity;
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

  const isPlainRise = (want: Wanted, slot: number, index: number, elapsedMs: number): boolean => {
    const rise = held.value(slot, index) - held.value(slot, index - 1);
    return rise >= 0 && rise <= registerCap(elapsedMs, want);
  };

  const touchAround = (want: Wanted, slot: number, index: number): void => {
    const at = held.ts(slot, index);
    const before = index === 0 ? undefined : held.ts(slot, index - 1);
    const after = index + 1 < held.count(slot) ? held.ts(slot, index + 1) : undefined;
    if (want.kind === "factor") {
      touch(at, Math.min(after ?? Infinity, at + priceFreshMs));
      return;
    }
    const reach = want.kind === "gauge" ? want.gapMs : limits.bridgeMs;
    let first = before === undefined || at - before > reach ? at : before;
    const last = after === undefined || after - at > reach ? at : after;
    const isRegister = want.kind === "register" && before !== undefined;
    if (isRegister && (unsettled.size > 0 || !isPlainRise(want, slot, index, at - before))) {
      const { code } = registerDelta(held.value(slot, index - 1), held.value(slot, index), at - before, want);
      const left = code === "OK" ? (unsettled.get(slot) ?? 0) : unsettledReadings;
      if (left > 0) {
        if (left > 1) unsettled.set(slot, left - 1);
        else unsettled.delete(slot);
        first = Math.min(first, held.ts(slot, Math.max(0, index - unsettledReadings)));
      }
    }
    touch(first, last);
  };

  /** Older than what is held: it would stand alone, so the store is asked when its window is accounted again. */
  const touchBefore = (want: Wanted, ts: number): void =>
    touch(ts - want.gapMs, ts + (want.kind === "factor" ? priceFreshMs : want.gapMs));

  /** The value is left out, and what was taken in for the same time before; its minute says so. */
  const refuse = (want: Wanted, slot: number, ts: number): void => {
    const times = refused.get(slot) ?? new Set<number>();
    refused.set(slot, times);
    times.add(ts);
    touch(ts, ts + 1);
    const count = held.count(slot);
    if (count === 0 || ts > held.ts(slot, count - 1)) return;
    const index = held.firstFrom(slot, ts);
    if (held.ts(slot, index) === ts) {
      touchAround(want, slot, index);
      held.remove(slot, index);
      if (index < held.count(slot)) touchAround(want, slot, index);
    } else if (index === 0) touchBefore(want, ts);
  };

  const sentinelsIn: SentinelsIn = (device, { start, end }) => {
    const number = deviceOf.get(device);
    const first = number === undefined ? 0 : (slotOf[number] ?? 0);
    const count = number === undefined ? 0 : (lists[number]?.length ?? 0);
    for (let slot = first; slot < first + count; slot++)
      for (const ts of refused.get(slot) ?? []) if (start <= ts && ts < end) return true;
    return false;
  };

  const put = (want: Wanted, slot: number, ts: number, value: number): void => {
    if (isSentinel(want.kind, want.sentinels, value)) {
      refuse(want, slot, ts);
      return;
    }
    if (refused.size > 0) refused.get(slot)?.delete(ts);
    const count = held.count(slot);
    let index = count;
    if (count > 0 && ts <= held.ts(slot, count - 1)) {
      index = held.firstFrom(slot, ts);
      if (held.ts(slot, index) === ts) {
        if (held.value(slot, index) === value) return;
        held.replace(slot, index, value);
        touchAround(want, slot, index);
        return;
      }
      if (index === 0) {
        touchBefore(want, ts);
        return;
      }
    }
    held.insert(slot, index, ts, value);
    touchAround(want, slot, index);
  };

  const note = (slot: number, slots: number, ts: number, received: number): void => {
    const lag = received - ts;
    if (!isOdd(lag)) return;
    let of = odd.get(slot);
    if (of === undefined) {
      of = { slots, lags: new Map() };
      odd.set(slot, of);
    }
    of.lags.set(ts, lag);
  };

  const lagOf: LagOf = (device, window) => {
    const number = deviceOf.get(device);
    const first = number === undefined ? 0 : (slotOf[number] ?? 0);
    const of = number === undefined ? undefined : odd.get(first);
    if (number === undefined || of === undefined) return null;
    let least: number | null = null;
    for (let slot = first; slot < first + (lists[number]?.length ?? 0); slot++) {
      const end = held.firstFrom(slot, window.end);
      const start = held.firstFrom(slot, window.start);
      // A slow meter says nothing within many a minute: its last word stands for it.
      for (let index = start === end ? Math.max(0, start - 1) : start; index < end; index++) {
        const lag = of.lags.get(held.ts(slot, index));
        if (lag === undefined) return null;
        least = Math.min(least ?? lag, lag);
      }
    }
    return least;
  };

  /** Rows of one shape go one way for all devices that are asked for the same. */
  const wayOf = (wanted: readonly Wanted[], quantities: readonly string[]): readonly number[] | null => {
    const at = wanted.map(({ quantity }) => quantities.indexOf(quantity));
    if (at.every((place) => place < 0)) return null;
    const known = ways.get(at.join()) ?? at;
    ways.set(at.join(), known);
    return known;
  };

  const around: SampleSlots["around"] = (slot, window) => {
    let count = held.around(slot, window, copied);
    while (count > 0 && (copied.ts[count - 1] ?? 0) >= asOf) count--;
    return count;
  };

  const read = (slot: number): Samples | undefined => {
    const all = held.read(slot);
    if (asOf === Infinity || all === undefined) return all;
    const count = held.firstFrom(slot, asOf);
    return count === 0 ? undefined : { ts: all.ts.slice(0, count), value: all.value.slice(0, count) };
  };

  const find = (device: string, quantity: string): number => {
    const number = deviceOf.get(device);
    if (number === undefined) return -1;
    const place = (lists[number] ?? []).findIndex((want) => want.quantity === quantity);
    return place < 0 ? -1 : (slotOf[number] ?? 0) + place;
  };

  return {
    columns: {
      slots: { find, places, copied, around },
      lags: () => (odd.size === 0 ? null : lagOf),
      sentinels: () => (refused.size === 0 ? null : sentinelsIn),
      of: (device, quantity) => {
        const number = deviceOf.get(device);
        if (number === undefined) return undefined;
        const list = lists[number] ?? [];
        for (let place = 0; place < list.length; place++)
          if (list[place]?.quantity === quantity) return read((slotOf[number] ?? 0) + place);
        return undefined;
      },
      get: (key) => {
        const cut = key.indexOf("/");
        const device = deviceOf.get(key.slice(0, cut));
        if (device === undefined) return undefined;
        const quantity = key.slice(cut + 1);
        const place = (lists[device] ?? []).findIndex((want) => want.quantity === quantity);
        return place === -1 ? undefined : read((slotOf[device] ?? 0) + place);
      },
    },
    add: (reading) => {
      begin();
      const device = deviceOf.get(reading.device);
      let slot = device === undefined ? 0 : (slotOf[device] ?? 0);
      if (device !== undefined) note(slot, lists[device]?.length ?? 0, reading.ts, reading.received);
      for (const want of device === undefined ? [] : (lists[device] ?? [])) {
        const { quantity } = want;
        const value = Object.hasOwn(reading.quantities, quantity) ? reading.quantities[quantity] : undefined;
        if (value !== undefined) put(want, slot, reading.ts, value);
        slot++;
      }
      return touched();
    },
    laneOf: (name, quantities) => {
      const device = deviceOf.get(name);
      if (device === undefined) return null;
      const wanted = lists[device] ?? [];
      const at = wayOf(wanted, quantities);
      return at === null ? null : { wanted, slot: slotOf[device] ?? 0, at };
    },
    addRow: ({ wanted, slot, at }, { ts, received }, value, start) => {
      begin();
      note(slot, wanted.length, ts, received);
      for (let index = 0; index < at.length; index++) {
        const place = at[index] ?? -1;
        const want = wanted[index];
        if (place >= 0 && want !== undefined) put(want, slot + index, ts, value[start + place] ?? Number.NaN);
      }
      return touched();
    },
    silent: () =>
      [...deviceOf].flatMap(([name, device]) => {
        const slot = slotOf[device] ?? 0;
        const wanted = lists[device] ?? [];
        return wanted.some((_, index) => held.count(slot + index) === 0) ? [name] : [];
      }),
    asOf: (until, look) => {
      asOf = until;
      try {
        return look();
      } finally {
        asOf = Infinity;
      }
    },
    drop: (before) => {
      for (let slot = 0; slot < slots; slot++) {
        const kept = isRegister[slot] === 1 ? keptOfRegister : keptOfGauge;
        const count = held.firstFrom(slot, before) - kept;
        if (count > 0) held.shift(slot, count);
      }
      for (const [slot, times] of refused) {
        for (const ts of times) if (ts < before) times.delete(ts);
        if (times.size === 0) refused.delete(slot);
      }
      for (const [first, { slots, lags }] of odd) {
        let oldest = before;
        for (let slot = first; slot < first + slots; slot++)
          if (held.count(slot) > 0) oldest = Math.min(oldest, held.ts(slot, 0));
        for (const ts of lags.keys()) if (ts < oldest) lags.delete(ts);
        if (lags.size === 0) odd.delete(first);
      }
    },
  };
};
