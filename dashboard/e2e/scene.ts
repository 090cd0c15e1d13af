// A site as the server would describe it, for checks of states that the real product reaches seldom: an open balance,
// a stale meter, many racks. Shapes are those of wire.ts, so a change of the contract shows here.
import type {
  DeadLetterWire,
  DeviceWire,
  HealthWire,
  IngestWire,
  KpisWire,
  NowWire,
  RuleWire,
  SiteWire,
  TrendWire,
} from "../server/wire.ts";

type Node = NowWire["nodes"][number];
type Kpi = KpisWire["items"][number];
type Alert = NowWire["alerts"][number];

const minute = 60_000;
const hour = 60 * minute;

export const site: SiteWire = {
  id: "jinan-1",
  name: { en: "Jinan hall 1", "zh-CN": "济南一号机房" },
  timeZone: "Asia/Shanghai",
  currency: "CNY",
  demo: false,
  work: [
    {
      device: "h200-1",
      quantity: "work_samples",
      unit: "sample",
      workload: { en: "BERT-99 offline inference", "zh-CN": "BERT-99 离线推理" },
      precision: "FP8",
      origin: "recorded",
      node: "h200-1",
    },
  ],
};
export const otherSite: SiteWire = {
  ...site,
  id: "gz-2",
  name: { en: "Guangzhou campus 2", "zh-CN": "广州二号园区" },
  work: [],
};

const node = (ts: number, part: Pick<Node, "id" | "kind" | "role" | "name" | "powerW"> & Partial<Node>): Node => ({
  parent: null,
  counting: "counted",
  origin: "measured",
  socPct: null,
  ts: ts - 2000,
  freshness: "fresh",
  ratingW: null,
  capacityWh: null,
  ...part,
});

const racks = (ts: number, count: number): Node[] =>
  Array.from({ length: count }, (_, index) =>
    node(ts, {
      id: `rack-${101 + index}`,
      kind: "it",
      role: "load",
      name: { en: `Rack ${101 + index}`, "zh-CN": `机柜 ${101 + index}` },
      parent: "hall-a",
      origin: index === 0 ? "recorded" : "synthetic",
      powerW: index === 4 ? null : 6000 + 5400 * Math.abs(Math.sin(index * 1.7)) + 120 * Math.sin(ts / 7000 + index),
      ratingW: 12_000,
      ...(index === 4 ? { ts: null, freshness: "missing" as const } : {}),
      ...(index === 7 ? { ts: ts - 4 * minute, freshness: "stale" as const } : {}),
    }),
  );

export type Mood = "calm" | "open" | "stale";

export const nowAt = (ts: number, mood: Mood): NowWire => {
  const wave = Math.sin(ts / 9000);
  const itW = 241_300 + 900 * wave;
  const coolingW = 58_900 + 300 * wave;
  const upsW = 9120;
  const lightW = 2440;
  const loadW = itW + coolingW + upsW + lightW;
  const pvW = 96_400 + 700 * wave;
  const batteryW = -21_800;
  const residualW = mood === "open" ? 18_600 : 640 * wave;
  const gridW = loadW - pvW - batteryW + residualW;
  const nodes: Node[] = [
    node(ts, {
      id: "grid",
      kind: "grid",
      role: "grid",
      name: { en: "Utility", "zh-CN": "市电" },
      powerW: gridW,
      ratingW: 2_000_000,
    }),
    node(ts, {
      id: "roof",
      kind: "pv",
      role: "source",
      name: { en: "Roof solar", "zh-CN": "屋顶光伏" },
      powerW: pvW,
      origin: "recorded",
      ratingW: 400_000,
    }),
    node(ts, {
      id: "diesel",
      kind: "genset",
      role: "source",
      name: { en: "Diesel generator", "zh-CN": "柴油发电机" },
      powerW: 0,
      ratingW: 1_600_000,
    }),
    node(ts, {
      id: "battery",
      kind: "battery",
      role: "storage",
      name: { en: "Battery", "zh-CN": "储能电池" },
      powerW: batteryW,
      origin: "synthetic",
      socPct: 63.4,
      ratingW: 100_000,
      capacityWh: 400_000,
    }),
    node(ts, { id: "hall-a", kind: "it", role: "load", name: { en: "Hall A", "zh-CN": "A 机房" }, powerW: itW }),
    node(ts, {
      id: "chillers",
      kind: "cooling",
      role: "load",
      name: { en: "Chillers", "zh-CN": "冷水机组" },
      powerW: coolingW,
      origin: "synthetic",
      ...(mood === "stale" ? { ts: ts - 7 * minute, freshness: "stale" as const } : {}),
    }),
    node(ts, {
      id: "ups",
      kind: "ups",
      role: "load",
      name: { en: "UPS losses", "zh-CN": "UPS 损耗" },
      powerW: upsW,
      origin: "estimated",
    }),
    node(ts, {
      id: "lights",
      kind: "lighting",
      role: "load",
      name: { en: "Lighting and offices", "zh-CN": "照明与办公" },
      powerW: mood === "stale" ? null : lightW,
      ...(mood === "stale" ? { ts: null, freshness: "missing" as const } : {}),
    }),
    ...racks(ts, 22),
    node(ts, {
      id: "h200-1",
      kind: "it",
      role: "load",
      name: { en: "H200 server 1", "zh-CN": "H200 服务器 1" },
      parent: "rack-101",
      counting: "detail",
      origin: "recorded",
      powerW: 6180 + 60 * wave,
      ratingW: 10_200,
    }),
  ];
  const unknown = mood === "stale";
  return {
    site: site.id,
    ts,
    clock: "live",
    nodes,
    balance: {
      supplyW: unknown ? null : loadW + residualW,
      loadW: unknown ? null : loadW,
      residualW: unknown ? null : residualW,
      uncertaintyW: 1450,
      toleranceW: 10_000,
    },
    kpis: kpisAt(ts, mood),
    alerts: mood === "calm" ? alertsAt(ts).slice(2) : alertsAt(ts),
  };
};

const kpi = (ts: number, part: Partial<Kpi> & Pick<Kpi, "kpi" | "value" | "unit">): Kpi => ({
  standard: "own definition, per minute",
  numerator: 80.2,
  denominator: 60.3,
  numUnit: "kWh",
  denUnit: "kWh",
  window: {
    start: new Date(ts - 15 * minute).toISOString(),
    end: new Date(ts).toISOString(),
    tz: site.timeZone,
    complete: true,
  },
  boundaryId: "jinan-1@7f3a",
  coverage: 1,
  quality: "MEASURED",
  flags: ["SYNTHETIC_INPUT"],
  revision: 0,
  ...part,
});

const kpisAt = (ts: number, mood: Mood): NowWire["kpis"] => {
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

export const alertsAt = (ts: number): Alert[] => [
  alert({
    id: "a-r01",
    rule: "R01",
    severity: "WARNING",
    state: "ACTIVE",
    subject: "jinan-1",
    start: ts - 11 * minute,
    title: { en: "The power balance does not close", "zh-CN": "功率平衡不闭合" },
    action: {
      en: "Check CT polarity and ratio, unmetered loads, meter clocks and the loss model; compare the energy residual of 24 h.",
      "zh-CN": "检查互感器极性与变比、未计量负荷、电表时钟和损耗模型；并比较 24 小时电量残差。",
    },
    inputs: { residual_w: 18_600, supply_w: 430_200, coverage_pct: 100 },
    thresholds: { tolerance_w: 10_000, hold_s: 300 },
  }),
  alert({
    id: "a-r16",
    rule: "R16",
    severity: "MAJOR",
    state: "ACTIVE",
    subject: "grid",
    subcode: "projected",
    start: ts - 4 * minute,
    title: { en: "Contract demand will be exceeded", "zh-CN": "需量将超过合同容量" },
    action: {
      en: "Discharge the battery, delay chiller staging, defer batch compute.",
      "zh-CN": "储能放电、推迟冷机加载、推迟批量计算任务。",
    },
    inputs: { projected_w: 1_842_000, shed_w: 42_000 },
    thresholds: { contract_w: 1_800_000 },
    assignee: "王敏",
  }),
  alert({
    id: "a-r04",
    rule: "R04",
    severity: "WARNING",
    state: "CLEARING",
    subject: "rack-108",
    start: ts - 26 * minute,
    title: { en: "Readings are stale", "zh-CN": "读数过期" },
    action: { en: "Check the gateway, the link and the meter's supply.", "zh-CN": "检查网关、链路和电表供电。" },
    inputs: { age_s: 240 },
    thresholds: { limit_s: 30 },
    acknowledged: { by: "Li Wei", reason: "gateway restarts", at: ts - 20 * minute },
    comments: [{ by: "Li Wei", text: "Firmware update until 15:00", at: ts - 19 * minute }],
  }),
];

const alert = (part: Partial<Alert> & Pick<Alert, "id" | "rule" | "start" | "title" | "action">): Alert => ({
  ruleVersion: 1,
  site: site.id,
  subject: "",
  subcode: "",
  severity: "WARNING",
  state: "ACTIVE",
  active: part.start + 5 * minute,
  returned: null,
  closed: null,
  changed: { wall: part.start + 5 * minute, site: part.start + 5 * minute },
  acknowledged: null,
  assignee: null,
  comments: [],
  inputs: {},
  thresholds: {},
  restated: false,
  occurrences: 1,
  ...part,
});

export const pastAlerts = (ts: number): Alert[] =>
  Array.from({ length: 24 }, (_, index) => {
    const [open] = alertsAt(ts).slice(index % 3, (index % 3) + 1);
    const start = ts - (5 + index * 7) * hour;
    const closed = start + (8 + (index % 5) * 13) * minute;
    return alert({
      ...(open ?? { rule: "R01", title: { en: "", "zh-CN": "" }, action: { en: "", "zh-CN": "" } }),
      id: `past-${index}`,
      start,
      state: "CLOSED",
      returned: closed - 5 * minute,
      closed,
      changed: { wall: closed, site: closed },
      acknowledged: index % 2 === 0 ? { by: "Chen Jie", reason: "", at: start + 6 * minute } : null,
      assignee: null,
      comments: [],
    });
  });

export const historyOf = (last: Alert): Alert[] => {
  const first = { ...last, acknowledged: null, assignee: null, comments: [], closed: null, returned: null };
  const stages: Alert[] = [
    { ...first, state: "PENDING", active: null, changed: { wall: last.start, site: last.start } },
    { ...first, state: "ACTIVE", changed: { wall: last.start + 5 * minute, site: last.start + 5 * minute } },
  ];
  return [...stages, last];
};

export const rules: RuleWire[] = alertsAt(0).map(({ rule, title, action, severity }) => ({
  id: rule,
  version: 1,
  title,
  action,
  mode: "on",
  on: "account",
  subject: "site",
  inputs: [],
  levels: [{ severity, subcode: "", trigger: "true", holdOnS: 300, clear: "false", holdOffS: 600 }],
  parameters: {},
  sites: {},
  origin: "shipped",
  file: `${rule}.yaml`,
  source: "",
}));

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
    site: site.id,
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

export const devicesAt = (ts: number): DeviceWire[] => {
  const device = (name: string, watts: number, more: Partial<DeviceWire> = {}): DeviceWire => ({
    site: site.id,
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
