// What one row of a point list says: figures in base units, kinds and codes; null where its faults leave nothing.
import { identifierPattern } from "#store";
import { quote } from "./fields.ts";
import { nodeLevels } from "./model.ts";
import type { Head, Row } from "./point-rows.ts";
import { findKind, findMeasure, type ListColumn, type Measure, unitFactors } from "./point-words.ts";

/** A number, or null with a fault; "" is null. */
const number = (
  row: Row,
  column: ListColumn,
  range: { readonly above?: number; readonly max?: number },
): number | null => {
  const text = row.text(column).replace(/,(?=\d{3})/g, "");
  if (text === "") return null;
  const value = Number(text);
  const { above = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = range;
  if (Number.isFinite(value) && value > above && value <= max) return value;
  const limits = `${range.above === undefined ? "" : ` above ${range.above}`}${range.max === undefined ? "" : ` up to ${range.max}`}`;
  row.fault(column, `must be a number${limits}, got ${quote(row.text(column))}`);
  return null;
};

const one = <Value>(row: Row, column: ListColumn, values: Readonly<Record<string, Value>>): Value | null => {
  const text = row.text(column);
  const value = Object.hasOwn(values, text.toLowerCase()) ? values[text.toLowerCase()] : undefined;
  if (text === "" || value !== undefined) return value ?? null;
  row.fault(column, `must be one of ${Object.keys(values).join(", ")}, got ${quote(text)}`);
  return null;
};

const signs: Readonly<Record<string, 1 | -1>> = {
  ...{ "1": 1, "+1": 1, "+": 1, 正: 1, 正向: 1, "-1": -1, "-": -1, 反: -1, 反向: -1 },
  ...{ forward: 1, import: 1, reverse: -1, reversed: -1 },
};
const classes = Object.fromEntries(["0.2", "0.2s", "0.5", "0.5s", "1"].map((text) => [text, text.toUpperCase()]));
const seconds: Readonly<Record<string, number>> = {
  "": 1,
  s: 1,
  sec: 1,
  秒: 1,
  ms: 0.001,
  毫秒: 0.001,
  min: 60,
  m: 60,
  分钟: 60,
  分: 60,
};

const interval = (row: Row): number | null => {
  const text = row.text("interval_s");
  const match = /^(\d+(?:\.\d+)?)\s*(\D*)$/.exec(text);
  const unit = match === null ? undefined : seconds[(match[2] ?? "").trim().toLowerCase()];
  if (text === "") return null;
  if (match !== null && unit !== undefined && Number(match[1]) > 0) return Number(match[1]) * unit;
  row.fault("interval_s", `must be a time such as 60, 10 s or 15 min, got ${quote(text)}`);
  return null;
};

/** Primary current of "400/5", "400:5" or "400". */
const primary = (row: Row): number | null => {
  const text = row.text("ct_ratio");
  const match = /^(\d+(?:\.\d+)?)\s*(?:A)?\s*(?:[/:]\s*\d+(?:\.\d+)?\s*A?)?$/i.exec(text);
  if (text === "") return null;
  if (match !== null && Number(match[1]) > 0) return Number(match[1]);
  row.fault("ct_ratio", `must be a ratio such as 400/5, got ${quote(text)}`);
  return null;
};

/** What a head says in brackets decides; without it the unit of our column's name. */
const inUnit = (head: string, usual: string, units: Readonly<Record<string, number>>): number | null => {
  const said = /[([【]\s*([^)\]】]*?)\s*[)\]】]/.exec(head.normalize("NFKC"))?.[1];
  return units[(said ?? usual).toLowerCase()] ?? null;
};

export interface Figures {
  readonly row: Row;
  readonly device: string;
  readonly measure: Measure;
  /** What one of the raw unit is in W, Wh or per cent. */
  readonly factor: number;
  readonly node: string;
  readonly point: Readonly<Record<string, unknown>>;
  readonly about: Readonly<Record<string, unknown>>;
}

export const readFigures = (row: Row, head: Head): Figures | null => {
  const device = row.text("device");
  if (!identifierPattern.test(device))
    row.fault("device", `must be 1 to 64 letters, digits, dots, underscores or hyphens, got ${quote(device)}`);
  const measure = findMeasure(row.text("quantity"));
  if (measure === undefined)
    row.fault(
      "quantity",
      `must be a power, an energy or a state of charge such as power_w, 有功功率, 正向有功电能, got ${quote(row.text("quantity"))}`,
    );
  const unit = row.text("unit").normalize("NFKC");
  const factors = unitFactors[measure ?? "power"];
  const unitFactor = unit === "" ? 1 : factors[unit.toLowerCase()];
  if (measure !== undefined && unitFactor === undefined)
    row.fault("unit", `must be a unit of ${measure} (${Object.keys(factors).join(", ")}), got ${quote(unit)}`);
  const scale = number(row, "scale", { above: 0 });
  const code = row.text("code");
  if (!/^MP\.[A-Z0-9]+([._-][A-Za-z0-9]+)*$/.test(code))
    row.fault("code", `must be a measurement point such as MP.PCC or MP.IT.IN.7, got ${quote(code)}`);
  const kind = findKind(row.text("kind"), code);
  if (kind === undefined)
    row.fault(
      "kind",
      `must be a kind such as grid, it, cooling, 市电, 机柜, 空调, or follow from the code, got ${quote(row.text("kind"))}`,
    );
  const ratingUnit = inUnit(head.names[head.at.get("rating_kw") ?? -1] ?? "", "kw", unitFactors.power);
  const capacityUnit = inUnit(head.names[head.at.get("capacity_kwh") ?? -1] ?? "", "kwh", unitFactors.import);
  if (ratingUnit === null) row.fault("rating_kw", "must say W, kW or MW in its head");
  if (capacityUnit === null) row.fault("capacity_kwh", "must say Wh, kWh or MWh in its head");
  const rating = number(row, "rating_kw", { above: 0 });
  const capacity = number(row, "capacity_kwh", { above: 0 });
  const factor = (unitFactor ?? 1) * (scale ?? 1);
  const digits = number(row, "digits", { above: 0, max: 20 });
  const resolution = number(row, "resolution", { above: 0 });
  const isRegister = measure === "import" || measure === "export";
  const stepWh = isRegister ? (resolution ?? 1) * factor : null;
  const current = primary(row);
  const volts = number(row, "voltage_v", { above: 0 });
  if (current !== null && volts === null && row.text("ct_class") === "")
    row.fault("ct_class", "is needed with the ratio of a current transformer");
  const level = one(row, "level", Object.fromEntries(nodeLevels.map((name) => [name, name])));
  const point = {
    code,
    feed: row.text("feed") === "" ? null : row.text("feed").toUpperCase(),
    sign: one(row, "sign", signs),
    meter_class: number(row, "meter_class", { above: 0, max: 10 }),
    ct_class: one(row, "ct_class", classes),
    // Without a voltage nobody knows at what power the transformer is full: the rating of the node stands for it.
    ct_primary_a: volts === null ? null : current,
    voltage_v: current === null ? null : volts,
    interval_s: interval(row),
    register:
      stepWh === null
        ? null
        : { ...(digits === null ? {} : { modulus_wh: 10 ** digits * stepWh }), resolution_wh: stepWh },
  };
  if (measure === undefined || kind === undefined) return null;
  return {
    ...{ row, device, measure, factor },
    node: row.text("node") === "" ? device : row.text("node"),
    about: {
      kind,
      name: row.text("name"),
      parent: row.text("parent"),
      level,
      rating_w: rating === null || ratingUnit === null ? null : rating * ratingUnit,
      capacity_wh: capacity === null || capacityUnit === null ? null : capacity * capacityUnit,
    },
    point,
  };
};
