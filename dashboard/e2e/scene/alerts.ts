import type { NowWire } from "../../server/wire.ts";
import { place } from "./place.ts";

type Alert = NowWire["alerts"][number];

const minute = 60_000;
const hour = 60 * minute;

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
  site: place.id,
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
