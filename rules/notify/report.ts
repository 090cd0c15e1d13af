import { Temporal } from "temporal-polyfill";
import { type Alert, severities } from "../alert.ts";
import { alarmQuality, type QualityLine } from "../quality/alarm-quality.ts";
import { alertsForQuality } from "../quality/standing.ts";
import type { Rules } from "../rules.ts";
import type { Turn } from "../schedule.ts";
import type { NotifyPlan } from "./plan.ts";
import type { Language } from "./texts.ts";

export type ReportPlan = NotifyPlan["reports"][number];

export interface Report {
  readonly title: string;
  readonly text: string;
}

const rulesAtMost = 10;
const minuteMs = 60_000;

/**
 * Alerts that became active in the period that ends at `due`: how many, how long, of which rules, and what still waits. A
 * report that was missed begins where the first of the missed ones would have, and says so.
 */
export const reportOf = async (
  rules: Pick<Rules, "list">,
  plan: ReportPlan,
  { due, late, missed }: Turn,
  head: string | null,
): Promise<Readonly<Record<Language, Report>>> => {
  const first = Temporal.Instant.fromEpochMilliseconds(missed[0] ?? due).toZonedDateTimeISO(plan.time_zone);
  const from = first.subtract({ [`${plan.period}s`]: 1 }).epochMilliseconds;
  const standing: Alert[] = [];
  for await (const page of alertsForQuality(rules, { from, to: due })) standing.push(...page);
  const alerts = standing.filter(({ active }) => (active ?? 0) >= from);
  const momentOf = (ms: number): string =>
    Temporal.Instant.fromEpochMilliseconds(ms)
      .toZonedDateTimeISO(plan.time_zone)
      .toPlainDateTime()
      .toString({ smallestUnit: "minute" })
      .replace("T", " ");
  const span = [from, due].map(momentOf);
  const quality = alarmQuality(standing, { from, to: due, operators: 1, shifts: [0], timeZone: () => plan.time_zone });
  const one = (language: Language): Report =>
    written(alerts, span, due, plan, head, language, [
      ...lateText({ due, late, missed }, momentOf, language),
      ...qualityText(quality.all, quality.floods.length, language),
    ]);
  return { en: one("en"), "zh-CN": one("zh-CN") };
};

/** What was not told when it was due. */
const lateText = (
  { due, late, missed }: Turn,
  momentOf: (ms: number) => string,
  language: Language,
): readonly string[] => {
  const [first] = missed;
  if (first !== undefined)
    return language === "en"
      ? [`late: ${missed.length} before it were missed since ${momentOf(first)}, this one is for all of them`]
      : [`补发：自 ${momentOf(first)} 起此前 ${missed.length} 份未按时发送，本报告一并包含`];
  if (!late) return [];
  return language === "en" ? [`late: it was due at ${momentOf(due)}`] : [`补发：应于 ${momentOf(due)} 发送`];
};

const minutesText = (seconds: number | null): string => (seconds === null ? "–" : String(Math.round(seconds / 60)));

/** Words of ISA-18.2 / IEC 62682. */
const qualityText = (line: QualityLine, floods: number, language: Language): readonly string[] => {
  if (line.alerts === 0) return [];
  const rate = line.perOperatorHour.toFixed(2);
  const [ack, end] = [line.acknowledgeS, line.resolveS].map(
    ({ median, p90 }) => `${minutesText(median)} / ${minutesText(p90)}`,
  );
  if (language === "en")
    return [
      `${rate} alarms/h, ${floods} floods, ${line.chattering} chattering, ${line.stale} stale, ${line.neverActedUpon} never acted upon`,
      `median / p90: acknowledged after ${ack} min, resolved after ${end} min`,
    ];
  return [
    `每小时告警 ${rate} 次，泛滥 ${floods} 次，抖动 ${line.chattering}，滞留 ${line.stale}，从未处理 ${line.neverActedUpon}`,
    `中位数 / p90：确认用时 ${ack} 分钟，恢复用时 ${end} 分钟`,
  ];
};

const words = {
  en: {
    title: "alerts",
    none: "no alerts",
    open: "still open",
    waiting: "nobody acknowledged",
    minutes: "min",
    times: "×",
    evidence: "evidence",
  },
  "zh-CN": {
    title: "告警报告",
    none: "无告警",
    open: "未恢复",
    waiting: "无人确认",
    minutes: "分钟",
    times: "次",
    evidence: "证据链",
  },
} as const;

const written = (
  alerts: readonly Alert[],
  span: readonly string[],
  due: number,
  plan: ReportPlan,
  head: string | null,
  language: Language,
  quality: readonly string[],
): Report => {
  const say = words[language];
  const count = (test: (alert: Alert) => boolean): number => alerts.filter(test).length;
  const lastedMs = ({ active, start, returned }: Alert): number => (returned ?? due) - (active ?? start);
  const byRule = Map.groupBy(alerts, ({ rule }) => rule);
  const rules = [...byRule]
    .map(([rule, own]) => ({ rule, own, ms: own.reduce((sum, alert) => sum + lastedMs(alert), 0) }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, rulesAtMost);
  const lines = [
    `${span.join(" – ")} (${plan.time_zone})`,
    alerts.length === 0
      ? say.none
      : severities
          .toReversed()
          .map((severity) => `${severity} ${count((alert) => alert.severity === severity)}`)
          .join(", "),
    `${say.open} ${count(({ returned }) => returned === null)}, ${say.waiting} ${count(({ acknowledged }) => acknowledged === null)}`,
    ...quality,
    ...rules.map(
      ({ rule, own, ms }) =>
        `${rule} ${own[0]?.title[language] ?? ""}: ${own.length} ${say.times}, ${Math.round(ms / minuteMs)} ${say.minutes}`,
    ),
    ...(head === null ? [] : [`${say.evidence} ${head}`]),
  ];
  return { title: `Wattlas ${plan.name}: ${say.title} ${alerts.length}`, text: lines.join("\n") };
};
