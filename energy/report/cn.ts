import type { KpiResult } from "../account.ts";
import { formatLocal } from "../calendar.ts";
import { factorAt } from "../factor.ts";
import { facilityNodes, itNodes } from "../kpi/pue.ts";
import {
  declared,
  find,
  type Judged,
  known,
  measured,
  mediaPoints,
  missing,
  pointsOf,
  type Report,
  type ReportField,
  type ReportInput,
} from "./report.ts";

const head = (ref: string, code: string, unit: string, zh: string, en: string) => ({
  ...{ ref, code, unit },
  name: { en, "zh-CN": zh },
});

/** Judges an unrounded value by a dated figure in force at the end of the period. */
const judge = (
  input: ReportInput,
  id: string,
  value: number | null,
  kind: "most" | "least" | "below",
): readonly Judged[] => {
  const found = factorAt(id, input.window.end - 1);
  if (!found.ok) return [];
  const { revision, instrument, value: limit, unit } = found.factor;
  const holds = (figure: number): boolean =>
    kind === "most" ? figure <= limit : kind === "below" ? figure < limit : figure >= limit;
  return [{ factor: id, revision, instrument, limit, unit, met: value === null ? null : holds(value) }];
};

const withJudged = (field: ReportField, judged: readonly Judged[]): ReportField =>
  judged.length === 0 ? field : { ...field, judged };

/** GB 40879 grade of an unrounded PUE: 1 to 3, or 0 beyond the limit value; null without a PUE. */
export const energyGrade = (pue: number | null, at: number): number | null => {
  if (pue === null) return null;
  for (const grade of [1, 2, 3]) {
    const found = factorAt(`gb-40879-grade-${grade}`, at);
    if (!found.ok) return null;
    if (pue <= found.factor.value) return grade;
  }
  return 0;
};

const place = ({ model }: ReportInput): readonly ReportField[] => {
  const at = model.place;
  const field = (code: string, zh: string, en: string, value: string | null | undefined): ReportField => {
    const place = head("基本信息", code, "", zh, en);
    return value === null || value === undefined
      ? missing(place, [`DECLARATION_MISSING:place.${code.toLowerCase()}`])
      : known(place, value, "site file");
  };
  return [
    known(head("基本信息", "NAME", "", "数据中心名称", "Data centre name"), model.name["zh-CN"], "site file"),
    field("PROVINCE", "所在省份", "Province", at?.province),
    field("CITY", "所在城市", "City", at?.city),
    field("HUB", "所属枢纽", "National hub", at?.hub),
    field("CLUSTER", "所属集群", "Cluster", at?.cluster),
    declared(model, head("基本信息", "OPERATOR", "", "运营单位", "Operator")),
    declared(model, head("基本信息", "ENTRY", "", "投运年月", "Entry into operation")),
  ];
};

const resultValue = (result: KpiResult | undefined): number | null => result?.value ?? null;

const usage = (input: ReportInput): readonly ReportField[] => {
  const { model, window } = input;
  const facility = pointsOf(model, facilityNodes(model));
  const it = pointsOf(model, itNodes(model));
  const simple = (field: ReturnType<typeof head>, kpi: string, points: readonly string[], variant?: string) => {
    const result = find(input, kpi, variant);
    return measured(field, result, resultValue(result), points);
  };
  const pue = find(input, "pue");
  const hub = (model.place?.hub ?? null) !== null;
  const grade = energyGrade(resultValue(pue), window.end - 1);
  const gradeHead = head(
    "GB 40879-2021",
    "GRADE",
    "grade",
    "能效等级（0 为超出限定值）",
    "Energy grade (0 beyond the limit)",
  );
  const pueField = simple(
    head("指标 1", "PUE", "1", `电能利用效率（${model.pueCategory} 类测点）`, `PUE, category ${model.pueCategory}`),
    "pue",
    [...facility, ...it],
  );
  return [
    simple(head("能耗", "E_TOTAL", "kWh", "总用电量", "Total energy"), "facility_energy", facility),
    simple(head("能耗", "E_IT", "kWh", "IT 设备用电量", "IT energy"), "it_energy", it),
    simple(head("能耗", "TCE", "tce", "综合能耗（当量值）", "Energy as coal equivalent"), "coal_equivalent", facility),
    withJudged(pueField, [
      ...judge(input, "cn-green-dc-pue", resultValue(pue), "most"),
      ...judge(input, "cn-dc-mean-pue", resultValue(pue), "below"),
      ...judge(input, "cn-dc-new-pue", resultValue(pue), "most"),
      ...(hub ? judge(input, "cn-hub-pue", resultValue(pue), "most") : []),
    ]),
    grade === null
      ? missing(gradeHead, pueField.notes)
      : {
          ...measured(gradeHead, pue, grade, [...facility, ...it]),
          notes: [
            ...pueField.notes,
            "UNROUNDED",
            "grades 1 and 2 are not verified against the standard",
            ...([1, 2, 3].flatMap((step) => judge(input, `gb-40879-grade-${step}`, null, "most")).length < 3
              ? ["FACTOR_NOT_VALID"]
              : []),
          ],
        },
    simple(
      head("水耗", "WUE", "L/kWh", "水资源利用效率", "WUE"),
      "wue",
      [...mediaPoints(model, "water_in"), ...it],
      "in",
    ),
  ];
};

const green = (input: ReportInput): readonly ReportField[] => {
  const { model } = input;
  const facility = pointsOf(model, facilityNodes(model));
  const of = (field: ReturnType<typeof head>, kpi: string) => {
    const result = find(input, kpi);
    return measured(field, result, resultValue(result), facility);
  };
  const share = find(input, "green_share");
  return [
    withJudged(
      of(
        head("指标 2", "GREEN_SHARE", "1", "可再生能源利用率（含绿证）", "Renewable share with certificates"),
        "green_share",
      ),
      (model.place?.hub ?? null) === null ? [] : judge(input, "cn-hub-green-share", resultValue(share), "least"),
    ),
    withJudged(
      of(
        head("650号", "DIRECT_SELF_USE", "1", "自发自用占可用发电量", "Self-use of available generation"),
        "direct_self_use",
      ),
      judge(input, "cn-direct-self-use", resultValue(find(input, "direct_self_use")), "least"),
    ),
    withJudged(
      of(head("650号", "DIRECT_GREEN", "1", "自发自用占总用电量", "Self-use of load"), "direct_green_share"),
      judge(input, "cn-direct-green-share", resultValue(find(input, "direct_green_share")), "least"),
    ),
    withJudged(
      of(
        head("650号", "DIRECT_SOLD", "1", "上网电量占可用发电量", "Sold of available generation"),
        "direct_sold_share",
      ),
      judge(input, "cn-direct-sold-share", resultValue(find(input, "direct_sold_share")), "most"),
    ),
    of(
      head("碳排放", "CARBON_LOCATION", "kgCO2e", "范围二排放（基于位置）", "Scope 2, location-based"),
      "scope2_location",
    ),
    of(head("碳排放", "CARBON_MARKET", "kgCO2e", "范围二排放（基于市场）", "Scope 2, market-based"), "scope2_market"),
    of(head("碳排放", "CUE", "kgCO2e/kWh", "碳利用效率", "CUE"), "cue"),
    declared(
      model,
      head("指标 4", "DEMAND_RESPONSE", "1", "需求响应能力占最大负荷", "Demand response of the highest load"),
    ),
  ];
};

const capacity = (input: ReportInput): readonly ReportField[] => {
  const { model } = input;
  const it = pointsOf(model, itNodes(model));
  const inventory = (field: ReturnType<typeof head>, kpi: string): ReportField => {
    const result = find(input, kpi);
    const made = measured(field, result, resultValue(result), []);
    return made.value === null
      ? made
      : { ...made, quality: "DECLARED", coverage: null, source: model.declared?.racks?.source ?? null };
  };
  const use = find(input, "rack_use");
  const load = find(input, "it_load_rate");
  const computes = (kpi: string, code: string, zh: string, en: string): readonly ReportField[] =>
    input.results
      .filter((result) => result.kpi === kpi)
      .map((result) => {
        const variant = result.variant === undefined ? "" : ` ${result.variant}`;
        const field = head("算力", `${code}${variant}`, result.unit, `${zh}${variant}`, `${en}${variant}`);
        const made = measured(field, result, result.value, kpi === "compute_efficiency" ? it : []);
        return made.value === null || kpi === "compute_efficiency"
          ? made
          : { ...made, quality: "DECLARED", coverage: null, source: "ratings of the site file" };
      });
  return [
    withJudged(
      inventory(head("规模", "STANDARD_RACKS", "rack", "标准机架数", "Standard racks"), "standard_racks"),
      judge(input, "cn-large-dc-racks", resultValue(find(input, "standard_racks")), "least"),
    ),
    withJudged(inventory(head("指标 13", "RACK_USE", "1", "上架率", "Rack use"), "rack_use"), [
      ...judge(input, "cn-green-dc-rack-use", resultValue(use), "least"),
      ...judge(input, "cn-rack-use", resultValue(use), "least"),
    ]),
    withJudged(
      measured(head("指标 14", "IT_LOAD_RATE", "1", "IT 负荷使用率", "IT load rate"), load, resultValue(load), it),
      judge(input, "cn-green-dc-it-load", resultValue(load), "least"),
    ),
    ...computes("total_compute", "TOTAL_COMPUTE", "总算力", "Total compute"),
    ...computes("intelligent_compute", "INTELLIGENT_COMPUTE", "智能算力", "Intelligent compute"),
    ...computes("compute_efficiency", "CE", "算效", "Compute efficiency"),
  ];
};

// Of annex 1 these five are in a transcription that was read; the words of the others are not.
const readIndicators = [1, 2, 4, 13, 14];
const indicators = 16;

/** Indicators whose text was not read: as the site declares them, otherwise missing with the reason. */
const unread = ({ model }: ReportInput): readonly ReportField[] =>
  Array.from({ length: indicators }, (_, index) => index + 1)
    .filter((number) => !readIndicators.includes(number))
    .map((number) => {
      const field = declared(
        model,
        head(`指标 ${number}`, `INDICATOR_${number}`, "", `评价指标 ${number}`, `Indicator ${number}`),
      );
      return { ...field, notes: [...field.notes, "INSTRUMENT_NOT_READ:工信厅联节函〔2025〕279号 annex 1"] };
    });

/** A Chinese green data-centre sheet: the indicators that are known, each judged by the dated figure in force. */
export const cnReport = (input: ReportInput, notes: readonly string[]): Report => {
  const { model, window } = input;
  return {
    report: "cn-green-data-centre",
    title: { en: "Green data-centre sheet (China)", "zh-CN": "绿色数据中心指标表" },
    instrument: "工信厅联节函〔2025〕279号 annex 1; GB 40879-2021; 发改能源〔2025〕650号",
    site: model.id,
    siteModel: model.revision,
    period: {
      start: formatLocal(window.start, model.timeZone),
      end: formatLocal(window.end, model.timeZone),
      tz: model.timeZone,
    },
    notes: [...notes, "PARTIAL:indicators 1, 2, 4, 13 and 14 of 16; the text of the others was not read"],
    fields: [...place(input), ...usage(input), ...green(input), ...capacity(input), ...unread(input)],
  };
};
