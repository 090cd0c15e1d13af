// One week of the demonstration site, minute by minute, as a pure function of the recordings.
//
//   recordings (real) ─▶ H200 servers, PV, office, weather, price, carbon ─┐
//   rules of thumb (synthetic) ─▶ racks, cooling, power chain, battery ────┴▶ grid closes the balance

/** Minutes of a week; every device is periodic in whole weeks of site time, so PV stays in daylight. */
export const weekMinutes = 7 * 24 * 60;

/** Texts of the CSV files in `recordings/`. */
export interface Recordings {
  readonly h200BertOffline: string;
  readonly h200BertServer: string;
  readonly h200Unet: string;
  readonly emhass: string;
  readonly citylearn: string;
  readonly eia: string;
}

export type DemoKind = "grid" | "pv" | "battery" | "h200" | "load" | "feed";

/** One device's week: mean power per minute and what else it reports. */
export interface DemoDevice {
  readonly id: string;
  readonly kind: DemoKind;
  readonly origin: "recorded" | "synthetic";
  /** Mean watts of each minute, signed as the device reports it. */
  readonly powerW: Float64Array;
  /** Wh from the start of the week to the start of each minute, in each direction; one element more than minutes. */
  readonly forwardWh: Float64Array;
  readonly reverseWh: Float64Array;
  /** Battery only: per cent at the start of each minute. */
  readonly socPct?: Float64Array;
  /** H200 only. */
  readonly run?: H200Run;
  /** Cumulative work at the start of each minute. */
  readonly work?: { readonly quantity: string; readonly total: Float64Array };
  /** Signals without energy (weather, price, carbon), per minute. */
  readonly signals?: Readonly<Record<string, Float64Array>>;
  /** The device's own constant gain error, within its class: a real meter is never exact. */
  readonly gain: number;
  /** Minutes in which the device is not heard (a rehearsed fault). */
  readonly silent?: { readonly from: number; readonly to: number };
  /** Minutes in which the meter reads only this share of the truth (a rehearsed fault). */
  readonly faulty?: { readonly from: number; readonly to: number; readonly share: number };
}

/** A recorded benchmark run at one second, looped from the start of the week. */
export interface H200Run {
  readonly powerW: Float64Array;
  readonly phasesW: readonly [Float64Array, Float64Array, Float64Array];
  readonly inRun: Uint8Array;
  readonly seconds: number;
}

// Published throughput of each run (deploy/replay/recordings/NOTICE.md), in samples or queries per second.
const throughput = { bertOffline: 54063.2, bertServer: 41599.4, unet: 41.664 } as const;
// The recorded roof peaks at 4.2 kW; the demonstration's is 24 such roofs.
const pvRoofs = 24;
const battery = { capacityWh: 120_000, powerW: 40_000, efficiency: 0.95, floorPct: 20, ceilingPct: 95 } as const;

const columns = (csv: string): Map<string, readonly string[]> => {
  const [head = "", ...rows] = csv.trim().split("\n");
  const cells = rows.map((row) => row.split(","));
  return new Map(head.split(",").map((name, index) => [name, cells.map((row) => row[index] ?? "")]));
};
const numbers = (table: Map<string, readonly string[]>, name: string): Float64Array =>
  Float64Array.from(table.get(name) ?? [], Number);
const at = (values: ArrayLike<number>, index: number): number => values[index] ?? 0;

// Same seed, same week: a demonstration that is repeated gives the same figures.
const noise = (seed: number, index: number): number => {
  let x = (seed * 374_761_393 + index * 668_265_263) | 0;
  x = Math.imul(x ^ (x >>> 13), 1_274_126_177);
  return (((x ^ (x >>> 16)) >>> 0) / 4_294_967_296) * 2 - 1;
};

const parseRun = (csv: string): H200Run => {
  const table = columns(csv);
  return {
    powerW: numbers(table, "power_w"),
    phasesW: [numbers(table, "power_l1_w"), numbers(table, "power_l2_w"), numbers(table, "power_l3_w")],
    inRun: Uint8Array.from(table.get("in_run") ?? [], Number),
    seconds: table.get("power_w")?.length ?? 0,
  };
};

const minuteMeans = (
  run: H200Run,
  phaseS: number,
  active: (minute: number) => boolean,
): { power: Float64Array; busyS: Float64Array } => {
  const power = new Float64Array(weekMinutes);
  const busyS = new Float64Array(weekMinutes);
  for (let minute = 0; minute < weekMinutes; minute++) {
    for (let second = 0; second < 60; second++) {
      const index = runIndex(run, phaseS, minute * 60 + second, active(minute));
      power[minute] = at(power, minute) + at(run.powerW, index) / 60;
      busyS[minute] = at(busyS, minute) + at(run.inRun, index);
    }
  }
  return { power, busyS };
};

/** Index into the recording at a second of the week; while the server rests, its first (idle) seconds repeat. */
export const runIndex = (run: H200Run, phaseS: number, second: number, active: boolean): number =>
  active ? (second + phaseS) % run.seconds : (second + phaseS) % 2;

const interpolate = (hourly: ArrayLike<number>, stepMin: number, minute: number): number => {
  const position = minute / stepMin;
  const index = Math.floor(position);
  const here = at(hourly, index % hourly.length);
  const next = at(hourly, (index + 1) % hourly.length);
  return here + (next - here) * (position - index);
};

const fill = (value: (minute: number) => number): Float64Array =>
  Float64Array.from({ length: weekMinutes }, (_, minute) => value(minute));
const cumulate = (perMinute: (minute: number) => number): Float64Array => {
  const total = new Float64Array(weekMinutes + 1);
  for (let minute = 0; minute < weekMinutes; minute++) total[minute + 1] = at(total, minute) + perMinute(minute);
  return total;
};
const registers = (powerW: Float64Array) => ({
  forwardWh: cumulate((minute) => Math.max(0, at(powerW, minute)) / 60),
  reverseWh: cumulate((minute) => Math.max(0, -at(powerW, minute)) / 60),
});
const hourOf = (minute: number): number => (minute / 60) % 24;
const weekdayOf = (minute: number): number => Math.floor(minute / 1440);

/** When a server works: they rest in some night hours, so that compute per watt has idle energy to show. */
export const serverActive = (server: number, minute: number): boolean => {
  const hour = hourOf(minute);
  if (server === 1) return true;
  if (server === 2) return hour >= 7 && hour < 23;
  return hour >= 6 && hour < 20 && weekdayOf(minute) !== 0;
};

/** Where in its recording each server stands when the week begins, so that the three do not move together. */
export const serverPhaseS = [0, 0, 250, 480] as const;

const rackCount = 12;
const rackW = (rack: number, minute: number): number => {
  const hour = hourOf(minute);
  const workday = weekdayOf(minute) !== 0 && weekdayOf(minute) !== 6 ? 1 : 0.8;
  const day = Math.exp(-(((hour - 15) / 5) ** 2));
  const evening = 0.75 * Math.exp(-(((hour - 20) / 2.2) ** 2));
  const own = 0.85 + (0.3 * ((rack * 7) % rackCount)) / rackCount;
  const wander = 0.03 * noise(rack, Math.floor(minute / 7)) + 0.015 * noise(rack + 100, minute);
  return 3400 * own * workday * (0.58 + 0.24 * day + 0.3 * evening + wander);
};

// Fixed per device and inside class 0.5: ±0.12 %.
const gainOf = (seed: number): number => 1 + 0.0012 * noise(seed, 9);

/** Builds the whole week. Deterministic; about 0.1 s. */
export function buildWeek(recordings: Recordings): readonly DemoDevice[] {
  const emhass = columns(recordings.emhass);
  const citylearn = columns(recordings.citylearn);
  const eia = columns(recordings.eia);

  const runs: readonly [H200Run, number, string][] = [
    [parseRun(recordings.h200BertOffline), throughput.bertOffline, "work_samples"],
    [parseRun(recordings.h200BertServer), throughput.bertServer, "work_queries"],
    [parseRun(recordings.h200Unet), throughput.unet, "work_samples"],
  ];
  const servers = runs.map(([run, perSecond, quantity], index): DemoDevice => {
    const server = index + 1;
    const { power, busyS } = minuteMeans(run, serverPhaseS[server] ?? 0, (minute) => serverActive(server, minute));
    const active = (minute: number) => (serverActive(server, minute) ? 1 : 0);
    return {
      id: `h200-${server}`,
      kind: "h200",
      origin: "recorded",
      powerW: power,
      ...registers(power),
      run,
      work: { quantity, total: cumulate((minute) => at(busyS, minute) * perSecond * active(minute)) },
      gain: 1,
    };
  });

  const racks = Array.from({ length: rackCount }, (_, index): DemoDevice => {
    const power = fill((minute) => rackW(index + 1, minute));
    return {
      id: `r-${101 + index}`,
      kind: "load",
      origin: "synthetic",
      powerW: power,
      ...registers(power),
      gain: gainOf(index + 1),
      // Rehearsed fault: a rack PDU falls off the network on Tuesday morning.
      ...(index === 6 ? { silent: { from: 2 * 1440 + 600, to: 2 * 1440 + 625 } } : {}),
    };
  });

  const itW = fill((minute) => [...servers, ...racks].reduce((sum, device) => sum + at(device.powerW, minute), 0));
  const outdoorC = fill((minute) => interpolate(numbers(citylearn, "outdoor_c"), 60, minute));
  const chainW = fill((minute) => 900 + 0.035 * at(itW, minute) + 2.2e-7 * at(itW, minute) ** 2);
  const coolingW = fill((minute) => 0.11 * at(itW, minute) + 180 * Math.max(0, at(outdoorC, minute) - 8) + 1500);
  const officeW = fill((minute) => 1000 * interpolate(numbers(citylearn, "load_kwh"), 60, minute));
  const pvW = fill((minute) => pvRoofs * interpolate(numbers(emhass, "pv_w"), 30, minute));
  const loadW = fill((minute) => at(itW, minute) + at(chainW, minute) + at(coolingW, minute) + at(officeW, minute));
  const { powerW: batteryW, socPct } = runBattery(loadW, pvW);
  const gridW = fill((minute) => at(loadW, minute) - at(pvW, minute) - at(batteryW, minute));

  const load = (id: string, powerW: Float64Array, origin: DemoDevice["origin"], seed: number): DemoDevice => ({
    id,
    kind: "load",
    origin,
    powerW,
    ...registers(powerW),
    gain: gainOf(seed),
  });
  const feed = (id: string, signals: Readonly<Record<string, Float64Array>>): DemoDevice => ({
    id,
    kind: "feed",
    origin: "recorded",
    powerW: new Float64Array(weekMinutes),
    ...registers(new Float64Array(weekMinutes)),
    signals,
    gain: 1,
  });

  const price = numbers(emhass, "price_per_kwh");
  const carbon = numbers(eia, "carbon_g_per_kwh");
  const sources = ["WND", "SUN", "WAT", "OIL", "NG", "COL", "NUC", "OTH"].map((name) => numbers(eia, name));
  const carbonFree = Float64Array.from(carbon, (_, hour) => {
    const [wind, sun, water, , , , nuclear] = sources.map((source) => at(source, hour));
    const all = sources.reduce((sum, source) => sum + at(source, hour), 0);
    return (100 * ((wind ?? 0) + (sun ?? 0) + (water ?? 0) + (nuclear ?? 0))) / all;
  });

  return [
    { ...load("grid-1", gridW, "synthetic", 201), kind: "grid" },
    { ...load("pv-1", pvW, "recorded", 202), kind: "pv" },
    { ...load("bess-1", batteryW, "synthetic", 203), kind: "battery", socPct },
    load("ups-out-1", itW, "synthetic", 204),
    load("chain-1", chainW, "synthetic", 205),
    load(
      "crac-1",
      fill((minute) => 0.55 * at(coolingW, minute)),
      "synthetic",
      206,
    ),
    {
      ...load(
        "crac-2",
        fill((minute) => 0.45 * at(coolingW, minute)),
        "synthetic",
        207,
      ),
      // Rehearsed fault: a current transformer slips off on Wednesday afternoon and the balance opens.
      faulty: { from: 3 * 1440 + 840, to: 3 * 1440 + 865, share: 0.25 },
    },
    load("office-1", officeW, "recorded", 208),
    ...servers,
    ...racks,
    feed("weather-1", { outdoor_c: outdoorC }),
    feed("price-1", { price_per_kwh: fill((minute) => at(price, Math.floor(minute / 30))) }),
    feed("carbon-1", {
      carbon_g_per_kwh: fill((minute) => at(carbon, Math.floor(minute / 60))),
      carbon_free_pct: fill((minute) => at(carbonFree, Math.floor(minute / 60))),
    }),
  ];
}

// Charges from PV surplus, serves the evening; run three weeks so that the state of charge meets itself.
function runBattery(loadW: Float64Array, pvW: Float64Array): { powerW: Float64Array; socPct: Float64Array } {
  const powerW = new Float64Array(weekMinutes);
  const socPct = new Float64Array(weekMinutes);
  let storedWh = battery.capacityWh * 0.5;
  for (let minute = 0; minute < 3 * weekMinutes; minute++) {
    const index = minute % weekMinutes;
    const surplus = at(pvW, index) - at(loadW, index);
    const room = (battery.capacityWh * battery.ceilingPct) / 100 - storedWh;
    const spare = storedWh - (battery.capacityWh * battery.floorPct) / 100;
    const evening = hourOf(index) >= 18 && hourOf(index) < 23;
    let power = 0;
    if (surplus > 500 && room > 0) power = -Math.min(surplus, battery.powerW, (room * 60) / battery.efficiency);
    else if (evening && spare > 0) power = Math.min(22_000, Math.max(0, -surplus), spare * 60 * battery.efficiency);
    socPct[index] = (100 * storedWh) / battery.capacityWh;
    powerW[index] = power;
    storedWh += power < 0 ? (-power / 60) * battery.efficiency : -power / 60 / battery.efficiency;
  }
  return { powerW, socPct };
}
