// npm run commissioning -- --site demo
import {
  type Commissioning,
  commissionSite,
  type Evidence,
  formatLocal,
  type MeterReport,
  type SiteModel,
} from "#energy";
import { openStore } from "#store";
import { openCommand } from "./command.ts";
import { loadModels } from "./models.ts";
import { parseSettings } from "./settings.ts";

const usage = `usage: npm run commissioning -- --site <id> [--hours <n>] [--lang en|zh-CN]
  Prints which KPIs a site can compute, what the others lack, and per meter the evidence of ratio, phase, direction and clock.
  --hours  recorded hours looked at, up to the newest reading (24)
Reads the store that STORE_URL and DATA_DIR name; it may be in use. Exit 0: nothing is wrong, 1: a meter or KPI is, 2: cannot.`;

type Language = "en" | "zh-CN";
const words = {
  en: { can: "can compute", lacks: "lacks", nothing: "no value in this time", silent: "silent", model: "model" },
  "zh-CN": { can: "可以计算", lacks: "缺少", nothing: "此时段没有值", silent: "无数据", model: "模型" },
};
const checks = ["ratio", "phase", "direction", "clock", "interval"] as const;
const names = {
  en: { ratio: "ratio", phase: "phase", direction: "direction", clock: "clock", interval: "interval" },
  "zh-CN": { ratio: "变比", phase: "相位", direction: "方向", clock: "时钟", interval: "周期" },
};
const marks = { good: "+", bad: "!", unknown: "?" } as const;

const line = (name: string, { verdict, value, unit, text }: Evidence, language: Language): string =>
  `    ${marks[verdict]} ${name}${value === null ? "" : ` ${value}${unit === "1" ? "" : ` ${unit}`}`}: ${text[language]}`;

const meterLines = (meter: MeterReport, language: Language): readonly string[] => [
  `  ${meter.node} ${meter.point} ${meter.device}${meter.silent.length > 0 ? ` (${words[language].silent}: ${meter.silent.join(", ")})` : ""}`,
  ...checks.map((check) => line(names[language][check], meter[check], language)),
];

/** The report as lines for a person. */
export const commissioningLines = (report: Commissioning, timeZone: string, language: Language): readonly string[] => {
  const say = words[language];
  const titled = (kpi: Commissioning["kpis"][number]) => (kpi.variant ? `${kpi.kpi}/${kpi.variant}` : kpi.kpi);
  const able = report.kpis.filter((kpi) => kpi.able).map(titled);
  return [
    `${report.site} ${formatLocal(report.from, timeZone)} – ${formatLocal(report.to, timeZone)}, ${say.model} ${report.models.map(({ revision }) => revision).join(", ")}`,
    `${say.can}: ${able.join(", ")}`,
    ...report.kpis
      .filter((kpi) => !kpi.able)
      .map((kpi) => {
        const lacks = kpi.lacks.map(({ text }) => text[language]);
        return `  ${titled(kpi)}: ${lacks.length === 0 ? say.nothing : `${say.lacks}: ${lacks.join("; ")}`}`;
      }),
    ...report.meters.flatMap((meter) => meterLines(meter, language)),
  ];
};

const isWrong = (report: Commissioning): boolean =>
  report.suspect !== null ||
  report.meters.some((meter) => meter.silent.length > 0 || checks.some((check) => meter[check].verdict === "bad"));

const main = async (): Promise<number> => {
  const say = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  const { values, refuse } = openCommand({
    usage,
    needs: ["site"],
    options: {
      site: { type: "string" },
      hours: { type: "string", default: "24" },
      lang: { type: "string", default: "en" },
    },
  });
  const hours = Number(values.hours);
  if (!(hours > 0)) return refuse(`--hours must be a number above 0, got "${values.hours}"`);
  const { lang } = values;
  if (lang !== "en" && lang !== "zh-CN") return refuse(`--lang must be en or zh-CN, got "${lang}"`);
  const parsed = parseSettings(process.env);
  if (!parsed.ok) {
    say(parsed.faults.map(({ name, message }) => `setting ${name}: ${message}`).join("\n"));
    return 2;
  }
  const loaded = await loadModels(parsed.settings);
  const model: SiteModel | undefined = loaded.ok ? loaded.models.sites.find(({ id }) => id === values.site) : undefined;
  if (model === undefined) {
    say(
      loaded.ok
        ? `no site file describes site "${values.site}"`
        : loaded.faults.map(({ message }) => message).join("\n"),
    );
    return 2;
  }
  await using store = await openStore(parsed.settings.store, {
    role: "reader",
    onError: (error) => say(error instanceof Error ? error.message : String(error)),
  });
  const newest = (await store.readings.latest({ site: model.id })).reduce((last, { ts }) => Math.max(last, ts), 0);
  if (newest === 0) {
    say(`nothing of site "${model.id}" has been heard`);
    return 2;
  }
  const report = await commissionSite(store, model, { from: newest + 1 - hours * 3_600_000, to: newest + 1 });
  for (const text of commissioningLines(report, model.timeZone, lang)) say(text);
  return isWrong(report) ? 1 : 0;
};

if (import.meta.main) process.exitCode = await main();
