import type { DeadLetterWire, DeviceWire, HealthWire, IngestWire } from "../../server/wire.ts";
import { place } from "./place.ts";

const minute = 60_000;
const hour = 60 * minute;

export const devicesAt = (ts: number): DeviceWire[] => {
  const device = (name: string, watts: number, more: Partial<DeviceWire> = {}): DeviceWire => ({
    site: place.id,
    device: name,
    quantities: ["power_w", "energy_import_wh"],
    firstSeen: ts - 45 * 24 * hour,
    lastSeen: ts - 2000,
    readings: Math.floor((ts % 1e9) / 10_000) + 120_000,
    latest: {
      power_w: { value: watts, ts: ts - 2000, unit: "W" },
      energy_import_wh: { value: 120_331_250_000, ts: ts - 2000, unit: "Wh" },
    },
    nodes: [name],
    origin: "measured",
    ...more,
  });
  return [
    device("pcc-1", 237_000, { nodes: ["grid"] }),
    device("pv-1", 96_400, { nodes: ["roof"], origin: "recorded" }),
    device("bess-1", -21_800, {
      nodes: ["battery"],
      origin: "synthetic",
      quantities: ["power_w", "soc_pct"],
      latest: {
        power_w: { value: -21_800, ts: ts - 2000, unit: "W" },
        soc_pct: { value: 63.4, ts: ts - 2000, unit: "%" },
      },
    }),
    device("h200-1", 6180, {
      nodes: ["h200-1"],
      origin: "recorded",
      quantities: ["power_w", "util_pct", "work_samples"],
      latest: {
        power_w: { value: 6180, ts: ts - 2000, unit: "W" },
        util_pct: { value: 97.2, ts: ts - 2000, unit: "%" },
        work_samples: { value: 8_123_456_789, ts: ts - 2000, unit: "sample" },
      },
    }),
    device("r-108", 11_200, { lastSeen: ts - 4 * minute, origin: "synthetic" }),
    device("r-900", 4200, { nodes: [], origin: null, readings: 3 }),
    device("shellyplus1pm-a8032ab1", 812, {
      site: "lab",
      nodes: [],
      origin: null,
      quantities: ["power_w", "voltage_v", "current_a", "energy_import_wh", "switch_on"],
      latest: {
        power_w: { value: 812.4, ts: ts - 2000, unit: "W" },
        voltage_v: { value: 231.6, ts: ts - 2000, unit: "V" },
        current_a: { value: 3.56, ts: ts - 2000, unit: "A" },
        energy_import_wh: { value: 88_120, ts: ts - 2000, unit: "Wh" },
        switch_on: { value: 1, ts: ts - 2000, unit: "1" },
      },
    }),
  ];
};

export const ingestAt = (ts: number): IngestWire => ({
  ts,
  counters: {
    collector_readings: 8_412_331,
    collector_duplicates: 214,
    collector_corrections: 3,
    collector_rejected: 41,
    broker_clients: 12,
    collector_ack_p99_ms: 6.4,
    store_bytes: 1_243_000_000,
  },
  rates: { messagesPerS: 118.4, readingsPerS: 131.2, valuesPerS: 402.7 },
  rejectedByCode: { COLLECTOR_PAYLOAD_NOT_JSON: 22, COLLECTOR_VALUE_OUT_OF_RANGE: 17, COLLECTOR_TS_TOO_FAR_AHEAD: 2 },
});

export const lettersAt = (ts: number): DeadLetterWire[] => [
  {
    id: "d-1",
    received: ts - 90_000,
    topic: "dc/jinan-1/meter-9/telemetry",
    code: "COLLECTOR_PAYLOAD_NOT_JSON",
    reason: 'payload is not JSON: unexpected "p" at position 0',
    payload: "power=4213.5;energy=120331250",
    bytes: 29,
    user: "",
  },
  {
    id: "d-2",
    received: ts - 260_000,
    topic: "dc/jinan-1/r-111/telemetry",
    code: "COLLECTOR_VALUE_OUT_OF_RANGE",
    reason: 'quantity "inlet_c" must be between -60 and 150, is 32767',
    payload: '{"ts":1795219200000,"power_w":4213.5,"inlet_c":32767}',
    bytes: 54,
    user: "gateway-3",
  },
];

export const healthAt = (ts: number, demo: HealthWire["demo"]): HealthWire => ({
  status: "ok",
  version: "0.1.0",
  ts,
  parts: ["broker", "collector", "store", "energy", "rules", "dashboard"],
  mqtt: { host: "127.0.0.1", port: 1883, wsPort: null },
  store: { adapter: "sqlite", state: "ready", reason: "", pendingReadings: 0, bytes: 1_243_000_000 },
  demo,
});
