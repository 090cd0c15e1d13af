// What integrators write in the heads and cells of point lists, in English and Chinese.
import type { NodeKind } from "./model.ts";

/** What a column of a point list may hold, whatever its head is called. */
export const listColumns = [
  "device",
  "quantity",
  "unit",
  "scale",
  "code",
  "node",
  "name",
  "kind",
  "parent",
  "feed",
  "level",
  "sign",
  "meter_class",
  "ct_class",
  "ct_ratio",
  "voltage_v",
  "interval_s",
  "rating_kw",
  "capacity_kwh",
  "digits",
  "resolution",
] as const;
export type ListColumn = (typeof listColumns)[number];
/** Whether a name is one of `listColumns`. */
export const isListColumn = (name: string): name is ListColumn => (listColumns as readonly string[]).includes(name);

/** Letters only, so that "CT Class", "ct_class" and "CT-class" are one word; a unit in brackets is no part of it. */
export const plainWord = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[([【].*?[)\]】]/g, "")
    .replace(/[\s_\-./:：*#]+/g, "");

const heads: Readonly<Record<ListColumn, readonly string[]>> = {
  device: [
    "device",
    "device id",
    "meter",
    "meter id",
    "gateway tag",
    "设备",
    "设备编号",
    "设备编码",
    "表计",
    "表计编号",
    "仪表编号",
    "电表编号",
  ],
  quantity: [
    "quantity",
    "register",
    "measurement",
    "parameter",
    "point",
    "测点",
    "测点名称",
    "测量量",
    "参数",
    "采集量",
    "寄存器",
    "数据项",
    "点位",
  ],
  unit: ["unit", "单位", "计量单位"],
  scale: ["scale", "scaling", "multiplier", "factor", "系数", "比例系数", "缩放", "倍率"],
  code: ["code", "mp code", "mp", "measurement point", "point code", "计量点", "计量点编码", "测量点编码", "测点编码"],
  node: ["node", "node id", "location", "节点", "节点编号", "安装位置", "位置", "回路", "回路编号"],
  name: ["name", "node name", "description", "名称", "节点名称", "回路名称", "描述"],
  kind: ["kind", "type", "category", "类型", "类别", "用途", "负荷类型"],
  parent: ["parent", "parent node", "upstream", "fed from", "上级", "上级节点", "父节点", "上级回路"],
  feed: ["feed", "path", "side", "路别", "供电路", "ab路"],
  level: ["level", "层级"],
  sign: ["sign", "polarity", "direction", "方向", "极性", "符号"],
  meter_class: [
    "class",
    "meter class",
    "accuracy",
    "accuracy class",
    "精度",
    "精度等级",
    "准确度",
    "准确度等级",
    "表计等级",
    "电表等级",
  ],
  ct_class: ["ct", "ct class", "ct accuracy", "互感器等级", "互感器精度", "ct等级", "ct精度"],
  ct_ratio: ["ct ratio", "ct primary", "变比", "ct变比", "互感器变比", "电流互感器变比"],
  voltage_v: ["voltage", "nominal voltage", "电压", "额定电压", "电压等级"],
  interval_s: [
    "interval",
    "interval s",
    "sampling interval",
    "period",
    "采样间隔",
    "采集间隔",
    "采集周期",
    "上报周期",
    "周期",
  ],
  rating_kw: ["rating", "rating kw", "rated power", "capacity kw", "额定功率", "额定容量kw", "设计功率"],
  capacity_kwh: ["capacity", "capacity kwh", "energy capacity", "储能容量", "电池容量", "容量"],
  digits: ["digits", "register digits", "位数", "表位数", "寄存器位数"],
  resolution: ["resolution", "分辨率", "最小刻度"],
};

const columnOf = new Map(
  listColumns.flatMap((column) => [column, ...heads[column]].map((head) => [plainWord(head), column] as const)),
);
export const findColumn = (head: string): ListColumn | undefined => columnOf.get(plainWord(head));

/** What a row measures, and the name that it has here. */
export type Measure = "power" | "import" | "export" | "soc";

const measures: Readonly<Record<Measure, readonly string[]>> = {
  power: [
    "power_w",
    "power",
    "active power",
    "real power",
    "total active power",
    "p",
    "kw",
    "有功功率",
    "总有功功率",
    "有功",
    "功率",
  ],
  import: [
    ...[
      "energy_import_wh",
      "energy",
      "active energy",
      "import energy",
      "energy import",
      "active energy import",
      "forward energy",
      "kwh",
    ],
    ...["电能", "电量", "有功电能", "正向有功电能", "正向有功总电能", "有功电度", "正向有功电度", "电度"],
  ],
  export: [
    ...["energy_export_wh", "export energy", "energy export", "active energy export", "reverse energy"],
    ...["反向有功电能", "反向有功总电能", "反向有功电度", "上网电量"],
  ],
  soc: ["soc_pct", "soc", "state of charge", "荷电状态"],
};
const measureOf = new Map(
  (Object.entries(measures) as [Measure, readonly string[]][]).flatMap(([measure, words]) =>
    words.map((word) => [plainWord(word), measure] as const),
  ),
);
export const findMeasure = (text: string): Measure | undefined => measureOf.get(plainWord(text));

const kinds: Readonly<Record<NodeKind, readonly string[]>> = {
  grid: ["grid", "utility", "mains", "pcc", "incomer", "市电", "进线", "电网", "并网点"],
  pv: ["pv", "solar", "photovoltaic", "光伏"],
  wind: ["wind", "风电", "风机"],
  genset: ["genset", "generator", "diesel", "柴发", "柴油发电机", "发电机"],
  battery: ["battery", "bess", "storage", "储能", "电池", "储能电池"],
  ups: ["ups", "ups loss", "不间断电源"],
  it: ["it", "rack", "server", "it load", "机柜", "列头柜", "服务器", "it负荷"],
  cooling: ["cooling", "hvac", "chiller", "crac", "crah", "空调", "制冷", "冷机", "冷却"],
  "power-chain": ["power-chain", "transformer", "loss", "变压器", "配电损耗", "损耗"],
  lighting: ["lighting", "light", "照明"],
  misc: ["misc", "other", "其他", "其它", "杂项"],
  office: ["office", "办公"],
  thermal: ["thermal", "thermal storage", "ice", "蓄冷", "蓄冰"],
};
const kindOf = new Map(
  (Object.entries(kinds) as [NodeKind, readonly string[]][]).flatMap(([kind, words]) =>
    words.map((word) => [plainWord(word), kind] as const),
  ),
);
const byCode: readonly (readonly [RegExp, NodeKind])[] = [
  [/^MP\.PCC/, "grid"],
  [/^MP\.PV/, "pv"],
  [/^MP\.WIND/, "wind"],
  [/^MP\.GEN/, "genset"],
  [/^MP\.BESS/, "battery"],
  [/^MP\.UPS\.IN/, "ups"],
  [/^MP\.(UPS\.OUT|PDU|IT)/, "it"],
  [/^MP\.COOL/, "cooling"],
  [/^MP\.LOSS/, "power-chain"],
  [/^MP\.LIGHT/, "lighting"],
  [/^MP\.MISC\.OFFICE/, "office"],
  [/^MP\.MISC/, "misc"],
];
/** By its word, or by its measurement point when there is none. */
export const findKind = (word: string, code: string): NodeKind | undefined =>
  word === "" ? byCode.find(([pattern]) => pattern.test(code))?.[1] : kindOf.get(plainWord(word));

/** What one of a unit is in W, Wh or per cent. */
export const unitFactors: Readonly<Record<Measure, Readonly<Record<string, number>>>> = {
  power: { w: 1, kw: 1e3, mw: 1e6, 瓦: 1, 千瓦: 1e3, 兆瓦: 1e6 },
  import: { wh: 1, kwh: 1e3, mwh: 1e6, 度: 1e3, 千瓦时: 1e3, 兆瓦时: 1e6 },
  export: { wh: 1, kwh: 1e3, mwh: 1e6, 度: 1e3, 千瓦时: 1e3, 兆瓦时: 1e6 },
  soc: { "%": 1, pct: 1 },
};
