// What each device of the demonstration says at a given moment: a pure function of the week and the time.
import { type DemoDevice, runIndex, serverActive, serverPhaseS, weekMinutes } from "./week.ts";

const weekMs = weekMinutes * 60_000;
// A Sunday 00:00 of a clock that knows no zone: the day the demonstration's registers stood at zero.
const firstSunday = Date.UTC(2025, 0, 5);

export interface DemoReading {
  readonly device: string;
  readonly ts: number;
  readonly [quantity: string]: number | string;
}

/** Where a moment stands in the site's week; the zone must have no daylight saving, or registers would jump. */
export function weekPhase(ts: number, offsetMs: number): { readonly week: number; readonly ms: number } {
  const since = ts + offsetMs - firstSunday;
  const week = Math.floor(since / weekMs);
  return { week, ms: since - week * weekMs };
}

const at = (values: ArrayLike<number>, index: number): number => values[index] ?? 0;
const round = (value: number, digits: number): number => Number(value.toFixed(digits));
const cumulative = (totals: Float64Array, week: number, minute: number, share: number): number =>
  week * at(totals, weekMinutes) + at(totals, minute) + (at(totals, minute + 1) - at(totals, minute)) * share;

/**
 * One reading of one device, or null while it is silent. `detail` "minute": power is the mean of the minute that just
 * ended, as a meter that averages sends it; "live": power at that second.
 */
export function sampleDevice(
  device: DemoDevice,
  ts: number,
  offsetMs: number,
  detail: "minute" | "live",
): DemoReading | null {
  const { week, ms } = weekPhase(ts, offsetMs);
  const minute = Math.floor(ms / 60_000);
  if (device.silent && minute >= device.silent.from && minute < device.silent.to) return null;
  const share = (ms % 60_000) / 60_000;
  const quantities: Record<string, number> = {};
  if (device.kind !== "feed") {
    const gain = device.gain;
    const power = detail === "minute" ? previousMean(device, minute) : livePower(device, ms);
    const reads = faultShare(device, minute, detail);
    quantities.power_w = round(power * gain * reads, 1);
    const [forward, reverse] = registerNames(device);
    const lost = lostWh(device, week, minute, share);
    quantities[forward] = round(cumulative(device.forwardWh, week, minute, share) * gain - lost, 1);
    if (reverse) quantities[reverse] = round(cumulative(device.reverseWh, week, minute, share) * gain, 1);
  }
  if (device.socPct) quantities.soc_pct = round(at(device.socPct, minute), 2);
  if (device.work) quantities[device.work.quantity] = Math.round(cumulative(device.work.total, week, minute, share));
  for (const [name, values] of Object.entries(device.signals ?? {})) quantities[name] = round(at(values, minute), 4);
  if (device.run && detail === "live") Object.assign(quantities, livePhases(device, ms));
  return { device: device.id, ts, ...quantities };
}

const registerNames = (device: DemoDevice): [string, string | null] => {
  if (device.kind === "grid") return ["energy_import_wh", "energy_export_wh"];
  if (device.kind === "battery") return ["energy_export_wh", "energy_import_wh"];
  if (device.kind === "pv") return ["energy_export_wh", null];
  return ["energy_import_wh", null];
};

const previousMean = (device: DemoDevice, minute: number): number =>
  at(device.powerW, (minute + weekMinutes - 1) % weekMinutes);

const faultShare = (device: DemoDevice, minute: number, detail: "minute" | "live"): number => {
  const fault = device.faulty;
  if (!fault) return 1;
  const seen = detail === "minute" ? minute - 1 : minute;
  return seen >= fault.from && seen < fault.to ? fault.share : 1;
};

// What the faulty meter failed to count, for ever missing from its register.
const lostWh = (device: DemoDevice, week: number, minute: number, share: number): number => {
  const fault = device.faulty;
  if (!fault) return 0;
  const loss = (from: number, to: number) =>
    (at(device.forwardWh, to) - at(device.forwardWh, from)) * (1 - fault.share) * device.gain;
  const whole = loss(fault.from, fault.to);
  if (minute < fault.from) return week * whole;
  if (minute >= fault.to) return (week + 1) * whole;
  const within =
    at(device.forwardWh, minute) + (at(device.forwardWh, minute + 1) - at(device.forwardWh, minute)) * share;
  return week * whole + (within - at(device.forwardWh, fault.from)) * (1 - fault.share) * device.gain;
};

const livePower = (device: DemoDevice, ms: number): number => {
  if (device.run) return at(device.run.powerW, liveIndex(device, ms));
  const position = ms / 60_000 - 0.5 + weekMinutes;
  const index = Math.floor(position);
  const here = at(device.powerW, index % weekMinutes);
  return here + (at(device.powerW, (index + 1) % weekMinutes) - here) * (position - index);
};

const liveIndex = (device: DemoDevice, ms: number): number => {
  const server = Number(device.id.slice("h200-".length));
  const run = device.run;
  if (!run) return 0;
  return runIndex(run, serverPhaseS[server] ?? 0, Math.floor(ms / 1000), serverActive(server, Math.floor(ms / 60_000)));
};

const livePhases = (device: DemoDevice, ms: number): Record<string, number> => {
  const index = liveIndex(device, ms);
  const [l1, l2, l3] = device.run?.phasesW ?? [];
  return { power_l1_w: at(l1 ?? [], index), power_l2_w: at(l2 ?? [], index), power_l3_w: at(l3 ?? [], index) };
};

/** Every device at one moment; live readings of the sum meters follow the servers second by second. */
export function sampleAll(
  devices: readonly DemoDevice[],
  ts: number,
  offsetMs: number,
  detail: "minute" | "live",
): readonly DemoReading[] {
  const readings = devices
    .map((device) => sampleDevice(device, ts, offsetMs, detail))
    .filter((reading) => reading !== null);
  if (detail === "minute") return readings;
  // The servers' seconds differ from their minute means; the meters above them see that difference too.
  const { ms } = weekPhase(ts, offsetMs);
  const servers = devices.filter((device) => device.run);
  const swing = servers.reduce((sum, device) => sum + livePower(device, ms) - smoothPower(device, ms), 0);
  return readings.map((reading) =>
    reading.device === "grid-1" || reading.device === "ups-out-1"
      ? { ...reading, power_w: round(Number(reading.power_w) + swing, 1) }
      : reading,
  );
}

const smoothPower = (device: DemoDevice, ms: number): number => {
  const { run: _, ...plain } = device;
  return livePower(plain, ms);
};
