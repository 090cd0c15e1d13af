import type { AlarmQualityWire, PermitWire, SupplyWire, WasteWire } from "../../server/wire.ts";
import { alertsAt, pastAlerts } from "./alerts.ts";
import { type Mood, place } from "./place.ts";

const minute = 60_000;
const hour = 60 * minute;

export const supplyAt = (ts: number, mood: Mood): SupplyWire => {
  const found = ts - 40 * hour;
  if (mood === "calm") return { mode: "mains", since: found, incident: null, changes: [[found, "mains"]] };
  const failed = ts - 3 * minute;
  return {
    mode: mood === "open" ? "genset" : null,
    since: mood === "open" ? failed : null,
    incident: mood === "open" ? { id: "a-r01", releaseAt: ts + 7 * minute } : null,
    changes:
      mood === "open"
        ? [
            [found, "mains"],
            [failed - minute, "ups"],
            [failed, "genset"],
          ]
        : [],
  };
};

export const permitsAt = (ts: number): PermitWire[] => [
  {
    id: "p-1",
    site: place.id,
    node: "chillers",
    by: "Chen Jie",
    reason: "Pump seal, WP-2026-118",
    from: ts - 5 * hour,
    until: ts - 12 * minute,
    closed: null,
  },
  {
    id: "p-2",
    site: place.id,
    node: "rack-108",
    by: "王敏",
    reason: "更换 PDU，票号 0452",
    from: ts - hour,
    until: ts + 2 * hour,
    closed: null,
  },
];

type Line = AlarmQualityWire["all"];
const line = (part: Partial<Line>): Line => ({
  alerts: 0,
  annunciations: 0,
  perOperatorHour: 0,
  chattering: 0,
  stale: 0,
  neverActedUpon: 0,
  acknowledgeS: { count: 0, median: null, p90: null },
  resolveS: { count: 0, median: null, p90: null },
  ...part,
});
const busy = line({
  alerts: 41,
  annunciations: 63,
  perOperatorHour: 0.38,
  chattering: 2,
  stale: 1,
  neverActedUpon: 9,
  acknowledgeS: { count: 28, median: 340, p90: 1810 },
  resolveS: { count: 36, median: 1320, p90: 9400 },
});

export const qualityAt = (from: number, to: number, operators: number): AlarmQualityWire => ({
  from,
  to,
  operators,
  limits: {
    ratePerHour: 6,
    floodBegins: 10,
    floodEnds: 5,
    floodMs: 600_000,
    staleMs: 86_400_000,
    chatterCount: 3,
    chatterMs: 60_000,
  },
  all: { ...busy, perOperatorHour: busy.perOperatorHour / operators },
  floods: [{ site: place.id, from: to - 31 * hour, to: to - 31 * hour + 14 * minute, alerts: 17 }],
  floodShare: 0.0014,
  rules: [
    { ...busy, alerts: 30, annunciations: 49, rule: "R04" },
    { ...line({ alerts: 8, annunciations: 11, perOperatorHour: 0.07 }), rule: "R16" },
    { ...line({ alerts: 3, annunciations: 3, perOperatorHour: 0.02, neverActedUpon: 1 }), rule: "R01" },
  ],
  sites: [{ ...busy, site: place.id }],
  shifts: [
    { ...busy, alerts: 26, annunciations: 40, shift: "00:00" },
    { ...line({ alerts: 9, annunciations: 13, perOperatorHour: 0.23 }), shift: "08:00" },
    { ...line({ alerts: 6, annunciations: 10, perOperatorHour: 0.18 }), shift: "16:00" },
  ],
});

export const wasteAt = (ts: number): WasteWire[] => [
  ...alertsAt(ts)
    .slice(1, 2)
    .map((alert) => ({
      alert,
      waste: { energyWh: 412_300, cost: 371.07, carbonG: 239_100, minutes: 214, knownMinutes: 214 },
    })),
  ...pastAlerts(ts)
    .slice(0, 3)
    .map((alert, index) => ({
      alert,
      waste: {
        energyWh: 88_400 / (index + 1),
        cost: index === 2 ? null : 79.5 / (index + 1),
        carbonG: index === 2 ? null : 51_200 / (index + 1),
        minutes: 47,
        knownMinutes: index === 0 ? 47 : 31,
      },
    })),
];
