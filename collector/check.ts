import {
  findQuantity,
  identifierPattern,
  type Quantity,
  quantityPattern,
  type Reading,
  type ReadingFlag,
  timestamp,
} from "#store";
import type { Candidate, Rejection } from "./decoders/decoder.ts";
import { quote } from "./decoders/payload.ts";

/** What the checks need to know beside the reading. */
export interface Bounds {
  /** UTC ms. */
  readonly received: number;
  readonly aheadMs: number;
  /** Why the sender may not say something about this device; null when it may. */
  mayNot(site: string, device: string): string | null;
  readonly clock: ReceiveClock;
}

export interface Checked {
  /** Null when nothing of it can be kept. */
  readonly reading: Reading | null;
  readonly rejected: readonly Rejection[];
}

// Seconds taken for milliseconds and clocks that start at 1970 both land before 2000.
export const earliestTs = Date.UTC(2000, 0, 1);
export const lateMs = 5 * 60_000; // sensors report every 10 s to 60 s: five minutes is a buffer emptied, not a slow network

/** Keeps what is possible of a reading: a bad value goes alone, a bad time or place takes the reading with it. */
export const check = (candidate: Candidate, bounds: Bounds): Checked => {
  const { site, device } = candidate;
  const placeFault = placeOf(candidate, bounds);
  if (placeFault !== null) return { reading: null, rejected: [placeFault] };

  const timeFault = timeOf(candidate, bounds);
  if (timeFault !== null) return { reading: null, rejected: [timeFault] };

  const rejected: Rejection[] = [];
  const quantities: Record<string, number> = {};
  let kept = 0;
  let unknown = false;
  for (const [name, value] of candidate.values) {
    const known = findQuantity(name);
    const fault = valueFault(name, value, known);
    if (fault !== null) {
      rejected.push({ code: fault.code, reason: `device "${device}": ${fault.reason}`, site });
      continue;
    }
    quantities[name] = value as number;
    kept += 1;
    if (known === undefined) unknown = true;
  }
  if (kept === 0) {
    if (rejected.length === 0) {
      const reason = `the reading of device "${device}" holds no quantity`;
      rejected.push({ code: "COLLECTOR_NO_QUANTITY", reason, site });
    }
    return { reading: null, rejected };
  }

  const missing = candidate.ts === undefined;
  const ts = missing ? bounds.clock.next(site, device, bounds.received) : (candidate.ts as number);
  const flags: ReadingFlag[] = [];
  if (missing) flags.push("TS_MISSING");
  else if (ts > bounds.received) flags.push("TS_FUTURE");
  else if (bounds.received - ts > lateMs) flags.push("LATE");
  if (unknown) flags.push("QUANTITY_UNKNOWN");
  if (rejected.length > 0) flags.push("VALUE_REFUSED");
  return {
    reading: { site, device, ts: timestamp(ts), received: timestamp(bounds.received), quantities, flags },
    rejected,
  };
};

const placeOf = ({ site, device }: Candidate, { mayNot }: Bounds): Rejection | null => {
  const code = "COLLECTOR_DEVICE_INVALID";
  if (!identifierPattern.test(site)) {
    return { code, reason: `site ${quote(site)} is not 1 to 64 of A-Z a-z 0-9 . _ -`, site: "" };
  }
  if (!identifierPattern.test(device)) {
    return { code, reason: `device ${quote(device)} is not 1 to 64 of A-Z a-z 0-9 . _ -`, site };
  }
  const reason = mayNot(site, device);
  return reason === null ? null : { code, reason, site };
};

const timeOf = ({ ts, site, device }: Candidate, { received, aheadMs }: Bounds): Rejection | null => {
  if (ts === undefined) return null;
  if (typeof ts !== "number" || !Number.isSafeInteger(ts)) {
    const reason = `device "${device}": ts ${quote(ts)} is not a whole number of UTC milliseconds`;
    return { code: "COLLECTOR_TS_INVALID", reason, site };
  }
  if (ts < earliestTs) {
    const reason = `device "${device}": ts ${ts} is before the year 2000; expected UTC milliseconds`;
    return { code: "COLLECTOR_TS_INVALID", reason, site };
  }
  if (ts - received > aheadMs) {
    const reason = `device "${device}": ts ${ts} is ${ts - received} ms ahead, allowed are ${aheadMs} ms`;
    return { code: "COLLECTOR_TS_TOO_FAR_AHEAD", reason, site };
  }
  return null;
};

const valueFault = (
  name: string,
  value: unknown,
  known: Quantity | undefined,
): Pick<Rejection, "code" | "reason"> | null => {
  // "work_…" is known by its beginning alone, so a known name may still be malformed
  if (!quantityPattern.test(name)) {
    const reason = `quantity ${quote(name)} is not a lower-case name such as "power_w"`;
    return { code: "COLLECTOR_QUANTITY_INVALID", reason };
  }
  if (typeof value !== "number") {
    return { code: "COLLECTOR_VALUE_NOT_NUMBER", reason: `${name} ${quote(value)} is not a number` };
  }
  if (!Number.isFinite(value)) return { code: "COLLECTOR_VALUE_NOT_FINITE", reason: `${name} ${value} is not finite` };
  if (known !== undefined && (value < known.min || value > known.max)) {
    const reason = `${name} ${value} is outside ${known.min} to ${known.max} ${known.unit}`;
    return { code: "COLLECTOR_VALUE_OUT_OF_RANGE", reason };
  }
  return null;
};

/** Receive times for readings that carry none: strictly increasing per device, so that none hides another. */
export interface ReceiveClock {
  next(site: string, device: string, received: number): number;
}

// A device needs remembering only while its last time is not behind the clock: bursts, not fleets.
const rememberedMost = 50_000;

export const createReceiveClock = (): ReceiveClock => {
  const lastBy = new Map<string, number>();
  return {
    next(site, device, received) {
      const key = `${site}/${device}`;
      const last = lastBy.get(key);
      const ts = last === undefined || received > last ? received : last + 1;
      lastBy.set(key, ts);
      if (lastBy.size > rememberedMost) for (const [old, at] of lastBy) if (at < received) lastBy.delete(old);
      return ts;
    },
  };
};
