import type { Alert } from "../alert.ts";
import type { Occasion } from "./channel.ts";

export type Language = "en" | "zh-CN";

// What is told, in the reader's language. Rules bring their own title and action in both.

const severityNames = {
  en: { INFO: "Info", WARNING: "Warning", MAJOR: "Major", CRITICAL: "Critical" },
  "zh-CN": { INFO: "提示", WARNING: "警告", MAJOR: "重要", CRITICAL: "紧急" },
} as const;

const occasionNames: Readonly<Record<Language, Readonly<Record<Occasion, string>>>> = {
  en: {
    raised: "",
    repeated: "still open",
    escalated: "not acknowledged",
    returned: "back to normal",
    expiring: "silence ends soon",
    well: "all is well",
    report: "report",
    test: "test",
  },
  "zh-CN": {
    raised: "",
    repeated: "仍未恢复",
    escalated: "无人确认",
    returned: "已恢复正常",
    expiring: "静默即将结束",
    well: "一切正常",
    report: "报告",
    test: "测试",
  },
};

const clock = (at: number, zone: string, language: Language): string =>
  new Intl.DateTimeFormat(language, { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(at);

const shownAtMost = 10;
const shownValue = (value: number | string | null): string =>
  value === null ? "–" : typeof value === "number" ? String(Number(value.toPrecision(6))) : value;

/** One line for a subject, a phone or a chat's list. */
export const titleOf = (occasion: Occasion, alerts: readonly Alert[], language: Language): string => {
  const [first] = alerts;
  const said = occasionNames[language][occasion];
  if (first === undefined) return `Wattlas: ${said}`;
  const worst = severityNames[language][first.severity];
  const more =
    alerts.length > 1 ? (language === "en" ? ` and ${alerts.length - 1} more` : ` 等 ${alerts.length} 项`) : "";
  const head = said === "" ? worst : `${worst}, ${said}`;
  return `[${head}] ${first.site}/${first.subject}: ${first.title[language]}${more} (${first.rule})`;
};

/** The paragraph below it: what was seen, against what, since when, what to do. */
export const textOf = (alerts: readonly Alert[], zoneOf: (site: string) => string, language: Language): string => {
  const [words, colon] = language === "en" ? [english, ": "] : [chinese, "："];
  const lines = alerts.slice(0, shownAtMost).flatMap((alert) => {
    const zone = zoneOf(alert.site);
    const inputs = Object.entries(alert.inputs).map(([name, value]) => `${name} ${shownValue(value)}`);
    const limits = Object.entries(alert.thresholds).map(([name, value]) => `${name} ${shownValue(value)}`);
    return [
      `${alert.site}/${alert.subject}${colon}${alert.title[language]}`,
      `  ${words.since}${colon}${clock(alert.active ?? alert.start, zone, language)} (${zone})`,
      ...(alert.returned === null ? [] : [`  ${words.until}${colon}${clock(alert.returned, zone, language)}`]),
      ...(alert.raised === undefined ? [] : [`  ${words.raised}${colon}${alert.raised.rule}`]),
      ...(inputs.length === 0 ? [] : [`  ${words.seen}${colon}${inputs.join(", ")}`]),
      ...(limits.length === 0 ? [] : [`  ${words.limits}${colon}${limits.join(", ")}`]),
      ...(alert.acknowledged === null ? [] : [`  ${words.acknowledged}${colon}${alert.acknowledged.by}`]),
      `  ${words.action}${colon}${alert.action[language]}`,
    ];
  });
  if (alerts.length > shownAtMost)
    lines.push(
      language === "en" ? `and ${alerts.length - shownAtMost} more` : `另有 ${alerts.length - shownAtMost} 项`,
    );
  return lines.join("\n");
};

const english = {
  since: "since",
  until: "until",
  seen: "seen",
  limits: "limits",
  acknowledged: "acknowledged by",
  raised: "worse because of an alert of",
  action: "do",
};
const chinese = {
  since: "开始",
  until: "恢复",
  seen: "观测值",
  limits: "限值",
  acknowledged: "确认人",
  raised: "升级原因：规则告警",
  action: "处置",
};

export const wellText = (open: number, sites: number, language: Language): string =>
  language === "en"
    ? `${sites} site${sites === 1 ? "" : "s"} watched, ${open} open alert${open === 1 ? "" : "s"}. This message comes on time every time: if it does not, somebody must look.`
    : `正在监视 ${sites} 个站点，未关闭告警 ${open} 项。本消息定时发送；若未按时收到，请立即检查系统。`;

export const testText = (channel: string, language: Language): string =>
  language === "en" ? `Test of channel "${channel}": it works.` : `通道“${channel}”测试：工作正常。`;

export const expiringText = (
  silence: { readonly reason: string; readonly by: string; readonly until: number },
  held: number,
  language: Language,
): string =>
  language === "en"
    ? `The silence "${silence.reason}" of ${silence.by} ends ${new Date(silence.until).toISOString()}; ${held} open alert${held === 1 ? "" : "s"} will be told then.`
    : `${silence.by} 设置的静默“${silence.reason}”将于 ${new Date(silence.until).toISOString()} 结束；届时将通知 ${held} 项未关闭告警。`;
