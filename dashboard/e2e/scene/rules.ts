import type { BacktestWire, RuleActivityWire, RuleWire } from "../../server/wire.ts";
import { alertsAt } from "./alerts.ts";
import { place, secondPlace } from "./place.ts";

const minute = 60_000;
const hour = 60 * minute;

const rule = (part: Pick<RuleWire, "id" | "title" | "action"> & Partial<RuleWire>): RuleWire => ({
  version: 1,
  mode: "on",
  on: "account",
  subject: "site",
  everyS: null,
  inputs: ["residual_w", "tolerance_w", "coverage_pct"],
  levels: [
    {
      severity: "WARNING",
      subcode: "",
      trigger: "abs(residual_w) > tolerance_w",
      holdOnS: 300,
      clear: "abs(residual_w) < 0.8 * tolerance_w",
      holdOffS: 600,
    },
  ],
  parameters: {},
  sites: {},
  subjects: { [place.id]: 1, [secondPlace]: 1 },
  hasLoss: false,
  origin: "shipped",
  file: `${part.id.toLowerCase()}.yaml`,
  source: `id: ${part.id}\nversion: 1\non: account\n`,
  ...part,
});

const ofAlert = (id: string): Pick<RuleWire, "id" | "title" | "action"> => {
  const alert = alertsAt(0).find((one) => one.rule === id);
  return { id, title: alert?.title ?? { en: id, "zh-CN": id }, action: alert?.action ?? { en: id, "zh-CN": id } };
};

export const rules: RuleWire[] = [
  rule(ofAlert("R01")),
  rule({ ...ofAlert("R04"), on: "reading", subject: "device", subjects: { [place.id]: 31 }, inputs: ["age_s"] }),
  rule({
    ...ofAlert("R16"),
    version: 3,
    origin: "own",
    file: "demand-limit.yaml",
    hasLoss: true,
    levels: [
      {
        severity: "WARNING",
        subcode: "projected",
        trigger: "projected_w > warning_share * contract_w",
        holdOnS: 0,
        clear: "projected_w < clear_share * contract_w",
        holdOffS: 900,
      },
      {
        severity: "MAJOR",
        subcode: "projected",
        trigger: "projected_w > contract_w",
        holdOnS: 0,
        clear: "projected_w < clear_share * contract_w",
        holdOffS: 900,
      },
    ],
    parameters: { warning_share: 0.95, clear_share: 0.9, ahead_s: 300 },
    sites: { [place.id]: { mode: "on", parameters: { warning_share: 0.9 } } },
    inputs: ["projected_w", "contract_w", "ahead_s"],
  }),
  rule({
    id: "R21",
    title: { en: "Feed is close to its rating", "zh-CN": "馈线接近额定容量" },
    action: {
      en: "Rebalance the feeds, stop deployments, cap power. This is advice, not protection.",
      "zh-CN": "重新平衡馈线、暂停上架、限制功率。本告警仅供参考，不能替代保护装置。",
    },
    mode: "shadow",
    subject: "node",
    subjects: { [place.id]: 31, [secondPlace]: 9 },
    parameters: { warning_share: 0.8, major_share: 0.9, clear_share: 0.75 },
    sites: { [secondPlace]: { mode: "on", parameters: {} } },
  }),
  rule({
    id: "R27",
    title: { en: "PUE has drifted at equal load and weather", "zh-CN": "同等负载与气温下 PUE 漂移" },
    action: {
      en: "Look at filters, hunting valves and the economiser.",
      "zh-CN": "检查滤网、阀门振荡和自然冷却装置。",
    },
    mode: "shadow",
    everyS: 86_400,
  }),
  rule({
    id: "R29",
    title: { en: "A rack draws power and does no work", "zh-CN": "机柜耗电但无有效工作" },
    action: { en: "Ask the owner, then switch it off.", "zh-CN": "联系责任人，然后关停。" },
    mode: "off",
    subject: "node",
    subjects: { [place.id]: 31 },
  }),
];

export const activityAt = (ts: number): RuleActivityWire => ({
  from: ts - 7 * 24 * hour,
  to: ts,
  items: [
    { rule: "R21", alerts: 14, shadow: 14, open: 1, last: ts - 3 * hour },
    { rule: "R04", alerts: 9, shadow: 0, open: 1, last: ts - 26 * minute },
    { rule: "R01", alerts: 1, shadow: 0, open: 1, last: ts - 11 * minute },
  ],
});

const holds = [0, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600];
const curve = (counts: readonly number[]) => holds.map((holdS, index) => ({ holdS, alerts: counts[index] ?? 0 }));

/** A tried rule; with another source it is the change that is told. */
export const backtestOf = (body: { rule: string; from: number; to: number; source?: string }): BacktestWire => {
  const episodes = Array.from({ length: 14 }, (_, index) => {
    const start = body.to - (2 + 9 * index) * hour;
    return {
      id: `${body.rule}-${index}`,
      rule: body.rule,
      subject: `rack-${101 + index}`,
      subcode: "overload",
      severity: index % 5 === 0 ? ("MAJOR" as const) : ("WARNING" as const),
      start,
      active: start + 5 * minute,
      eased: start + 21 * minute,
      clear: start + 22 * minute,
      end: start + 27 * minute,
    };
  });
  const tried = (alerts: typeof episodes) => ({
    rule: body.rule,
    version: 1,
    alerts,
    minutesInAlarm: 22 * alerts.length,
    duringMaintenance: 2,
    silenced: 1,
    told: alerts.length - 3,
    minutesShelved: 22,
    tradeOff: {
      on: curve([61, 58, 52, 33, 24, 19, 14, 11, 10, 9, 8]),
      off: curve([14, 14, 14, 13, 12, 12, 11, 9, 8, 8, 8]),
      suggested: { onS: 120, offS: 600 },
    },
  });
  const isCompared = body.source !== undefined;
  const after = isCompared ? episodes.slice(0, 9) : episodes;
  return {
    site: place.id,
    from: body.from,
    to: body.to,
    warmUpFrom: body.from - 24 * hour,
    readings: 1_204_112,
    accounts: Math.round((body.to - body.from) / minute),
    before: isCompared ? tried(episodes) : null,
    after: tried(after),
    difference: isCompared ? { same: 8, added: [], removed: episodes.slice(9), moved: [] } : null,
    acknowledgedThatVanish: isCompared
      ? [{ id: "a-r21", subject: "rack-112", subcode: "overload", active: body.to - 30 * hour, acknowledged: null }]
      : [],
  };
};
