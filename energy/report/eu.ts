import { formatLocal } from "../calendar.ts";
import { facilityNodes, itNodes } from "../kpi/pue.ts";
import type { Text } from "../model.ts";
import {
  declared,
  find,
  known,
  measured,
  mediaPoints,
  missing,
  pointsOf,
  type Report,
  type ReportField,
  type ReportInput,
  renewables,
} from "./report.ts";

const head = (ref: string, code: string, unit: string, en: string, zh: string) => ({
  ...{ ref, code, unit },
  name: { en, "zh-CN": zh } satisfies Text,
});

const annexOne = ({ model }: ReportInput): readonly ReportField[] => [
  known(head("I 1(a)", "NAME", "", "Data centre name", "数据中心名称"), model.name.en, "site file"),
  declared(model, head("I 1(b)", "OWNER", "", "Owner: name and contact", "业主名称与联系方式")),
  declared(model, head("I 1(b)", "OPERATOR", "", "Operator: name and contact", "运营方名称与联系方式")),
  declared(model, head("I 1(c)", "LAU", "", "Location: LAU code", "所在地 LAU 代码")),
  declared(model, head("I 1(d)", "TYPE", "", "Type of data centre", "数据中心类型")),
  declared(model, head("I 1(e)", "ENTRY", "", "Entry into operation: year and month", "投运年月")),
  declared(model, head("I 2(a)", "RED_HV", "", "Electrical redundancy, HV level", "电气冗余（高压）")),
  declared(model, head("I 2(a)", "RED_LV", "", "Electrical redundancy, LV (line-up) level", "电气冗余（低压）")),
  declared(model, head("I 2(a)", "RED_RACK", "", "Electrical redundancy, rack level", "电气冗余（机架）")),
  declared(model, head("I 2(b)", "RED_COOL_ROOM", "", "Cooling redundancy, room level", "制冷冗余（机房）")),
  declared(model, head("I 2(b)", "RED_COOL_RACK", "", "Cooling redundancy, rack level", "制冷冗余（机架）")),
];

const powerDemand = ({ model }: ReportInput): ReportField => {
  const field = head("II 1(a)", "PDIT", "kW", "Installed IT power demand", "IT 设备装机功率");
  const stated = declared(model, field);
  if (stated.value !== null) return stated;
  const it = model.nodes.filter(({ id }) => itNodes(model).includes(id));
  const rated = it.map(({ ratingW }) => ratingW);
  if (it.length === 0 || rated.includes(null)) return stated;
  const kw = rated.reduce<number>((sum, watts) => sum + (watts ?? 0), 0) / 1000;
  return {
    ...known(field, kw, "ratings of the site file", ["RATED_IT_LOAD"]),
    points: pointsOf(model, itNodes(model)),
  };
};

// Eurostat/JRC: a day counts from a mean of 24 °C, with its distance from 21 °C.
export const coolingDegreeDays = (means: readonly number[]): number =>
  means.filter((celsius) => celsius >= 24).reduce((sum, celsius) => sum + celsius - 21, 0);

const degreeDays = ({ model, days }: ReportInput): ReportField => {
  const field = head("II 1(n)", "CDD", "K·d", "Cooling degree days", "制冷度日");
  const means = days.filter((celsius) => celsius !== null);
  const weather = model.declared?.weather ?? null;
  if (weather === null || means.length === 0) {
    const stated = declared(model, field);
    return stated.value === null ? missing(field, ["POINT_MISSING:MP.TEMP.OUT", ...stated.notes]) : stated;
  }
  const coverage = means.length / days.length;
  return {
    ...field,
    value: coolingDegreeDays(means),
    quality: coverage < 1 ? "PARTLY_ESTIMATED" : "MEASURED",
    coverage,
    points: [`MP.TEMP.OUT (${weather.device})`],
    notes: [
      "by the site's own weather station, base 21 °C from 24 °C",
      ...(coverage < 1 ? [`DAYS_MISSING:${days.length - means.length}`] : []),
    ],
    source: null,
  };
};

const renewableFields = (input: ReportInput): readonly ReportField[] => {
  const { model } = input;
  const { onSite, contracted, bought } = renewables(input);
  const generation = find(input, "self_consumption");
  const plant = pointsOf(
    model,
    model.nodes.filter(({ kind }) => kind === "pv" || kind === "wind").map(({ id }) => id),
  );
  const total = onSite === null ? null : onSite + contracted.kwh + bought.kwh;
  const rows = "certificate rows of the site file";
  const none = (model.declared?.certificates ?? []).length === 0 ? ["NO_CERTIFICATES_DECLARED"] : [];
  const kept = (model.declared?.certificates ?? []).some(({ kind }) => kind === "on_site")
    ? []
    : ["ASSUMED:on_site_certificates_retained"];
  const withKept = (field: ReportField): ReportField =>
    field.value === null || plant.length === 0 ? field : { ...field, notes: [...field.notes, ...kept] };
  return [
    withKept(
      measured(
        head("II 1(o)", "ERES-TOT", "kWh", "Total renewable energy consumption", "可再生能源消费总量"),
        generation && { ...generation, flags: [...generation.flags, ...contracted.flags, ...bought.flags] },
        total,
        plant,
      ),
    ),
    known(
      head("II 1(p)", "ERES-GOO", "kWh", "Renewable energy from guarantees of origin", "来自来源担保证书"),
      bought.kwh,
      rows,
      [...none, ...bought.flags],
    ),
    known(
      head("II 1(q)", "ERES-PPA", "kWh", "Renewable energy from power purchase agreements", "来自购电协议"),
      contracted.kwh,
      rows,
      [...none, ...contracted.flags],
    ),
    withKept(
      measured(
        head("II 1(r)", "ERES-OS", "kWh", "Renewable energy from on-site generation", "来自场内发电"),
        generation,
        onSite,
        plant,
      ),
    ),
  ];
};

const annexTwo = (input: ReportInput): readonly ReportField[] => {
  const { model, gensetKwh } = input;
  const facility = pointsOf(model, facilityNodes(model));
  const energy = find(input, "facility_energy");
  const pue = find(input, "pue_category", "cat1");
  const it = model.declared?.puePoints["1"] ?? itNodes(model);
  const wue = find(input, "wue", "in");
  const potable = find(input, "wue", "potable");
  const erf = find(input, "erf");
  const cubic = (litres: number | null | undefined) => (litres === null || litres === undefined ? null : litres / 1000);
  const gensets = model.nodes.filter(({ kind }) => kind === "genset").map(({ id }) => id);
  const backup = head("II 1(d)", "EDC-BG", "kWh", "of which back-up generators", "其中备用发电机");
  return [
    powerDemand(input),
    declared(model, head("II 1(b)", "SDC", "m²", "Total floor area", "总建筑面积")),
    declared(model, head("II 1(c)", "SCR", "m²", "Computer-room floor area", "机房面积")),
    measured(
      head("II 1(d)", "EDC", "kWh", "Total energy consumption", "总能耗"),
      energy,
      energy?.numerator ?? null,
      facility,
    ),
    gensets.length === 0
      ? known(backup, 0, "the site file has no generator")
      : measured(backup, energy, gensetKwh, pointsOf(model, gensets)),
    measured(
      head("II 1(e)", "EIT", "kWh", "IT equipment energy, PUE category 1", "IT 设备能耗（1 类）"),
      pue,
      pue?.denominator ?? null,
      pointsOf(model, it),
    ),
    declared(model, head("II 1(f)", "GRID_FUNCTIONS", "", "Electrical grid functions", "电网支撑功能")),
    declared(
      model,
      head("II 1(g)", "CBTG", "kW", "Average battery capacity offered to the grid", "提供给电网的平均电池容量"),
    ),
    measured(
      head("II 1(h)", "WIN", "m³", "Total water input", "总取水量"),
      wue,
      cubic(wue?.numerator),
      mediaPoints(model, "water_in"),
    ),
    measured(
      head("II 1(i)", "WIN-POT", "m³", "Potable water input", "饮用水取水量"),
      potable,
      cubic(potable?.numerator),
      mediaPoints(model, "water_potable"),
    ),
    measured(
      head("II 1(j)", "EREUSE", "kWh", "Waste heat reused", "余热利用量"),
      erf,
      erf?.numerator ?? null,
      mediaPoints(model, "heat_reused"),
    ),
    declared(model, head("II 1(k)", "TWH", "°C", "Average waste-heat temperature", "平均余热温度")),
    // The instrument calls both of these TIN; they are never one.
    declared(
      model,
      head("II 1(l)", "T_IN_C", "°C", "TIN: average set-point intake air temperature", "TIN：进风温度设定值均值"),
    ),
    declared(model, head("II 1(m)", "REFRIGERANTS", "", "Refrigerant types", "制冷剂种类")),
    degreeDays(input),
    ...renewableFields(input),
    declared(model, head("II 2(a)", "CSERV", "SERT score", "ICT capacity of servers", "服务器信息通信容量")),
    declared(model, head("II 2(b)", "CSTOR", "PB", "ICT capacity of storage", "存储容量")),
    declared(model, head("II 3(a)", "BIN", "GB/s", "Incoming bandwidth", "入向带宽")),
    declared(model, head("II 3(b)", "BOUT", "GB/s", "Outgoing bandwidth", "出向带宽")),
    declared(model, head("II 3(c)", "TRAFFIC_IN_EB", "EB", "TIN: incoming traffic", "TIN：入向流量")),
    declared(model, head("II 3(d)", "TRAFFIC_OUT_EB", "EB", "TOUT: outgoing traffic", "TOUT：出向流量")),
  ];
};

const annexThree = (input: ReportInput): readonly ReportField[] => {
  const { model } = input;
  const facility = facilityNodes(model);
  const it = model.declared?.puePoints["1"] ?? itNodes(model);
  const ratio = (field: ReturnType<typeof head>, kpi: string, points: readonly string[], variant?: string) => {
    const result = find(input, kpi, variant);
    return measured(field, result, result?.value ?? null, points);
  };
  return [
    ratio(
      head("III (a)", "PUE", "1", "Power usage effectiveness, category 1", "电能利用效率（1 类）"),
      "pue_category",
      pointsOf(model, [...facility, ...it]),
      "cat1",
    ),
    ratio(
      head("III (b)", "WUE", "m³/MWh", "Water usage effectiveness", "水资源利用效率"),
      "wue",
      [...mediaPoints(model, "water_in"), ...pointsOf(model, it)],
      "in",
    ),
    ratio(head("III (c)", "ERF", "1", "Energy reuse factor", "能源再利用率"), "erf", [
      ...mediaPoints(model, "heat_reused"),
      ...pointsOf(model, facility),
    ]),
    ratio(head("III (d)", "REF", "1", "Renewable energy factor", "可再生能源因子"), "ref", pointsOf(model, facility)),
  ];
};

/** (EU) 2024/1364, annexes I to III, field by field. */
export const euReport = (input: ReportInput, notes: readonly string[]): Report => {
  const { model, window } = input;
  return {
    report: "eu-2024-1364",
    title: {
      en: "Data centre report under Delegated Regulation (EU) 2024/1364, annexes I to III",
      "zh-CN": "欧盟授权条例 (EU) 2024/1364 数据中心报告（附件一至三）",
    },
    instrument: "Delegated Regulation (EU) 2024/1364, http://data.europa.eu/eli/reg_del/2024/1364/oj",
    site: model.id,
    siteModel: model.revision,
    period: {
      start: formatLocal(window.start, model.timeZone),
      end: formatLocal(window.end, model.timeZone),
      tz: model.timeZone,
    },
    notes: [...notes, "RECORDS:keep measurement points and devices for at least ten years (Annex II)"],
    fields: [...annexOne(input), ...annexTwo(input), ...annexThree(input)],
  };
};
