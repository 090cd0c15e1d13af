// A site as the server would describe it, for checks of states that the real product reaches seldom: an open balance,
// a stale meter, many racks. Shapes are those of wire.ts, so a change of the contract shows here.
import type { NowWire, SiteWire } from "../../server/wire.ts";
import { alertsAt } from "./alerts.ts";
import { kpisAt } from "./kpis.ts";
import { type Mood, place, secondPlace } from "./place.ts";

type Node = NowWire["nodes"][number];

const minute = 60_000;

export const site: SiteWire = {
  ...place,
  name: { en: "Jinan hall 1", "zh-CN": "济南一号机房" },
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
  id: secondPlace,
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
