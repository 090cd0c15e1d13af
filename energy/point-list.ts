// A point list of an integrator, row by row, as a site file: rows ─▶ figures of rows ─▶ points of nodes ─▶ YAML ─▶ parseSite
import { stringify } from "yaml";
import { identifierPattern } from "#store";
import { quote } from "./fields.ts";
import { nodeLevels } from "./model.ts";
import {
  findColumn,
  findKind,
  findMeasure,
  type ListColumn,
  listColumns,
  type Measure,
  unitFactors,
} from "./point-words.ts";
import { parseSite } from "./site.ts";

/** A fault in a list: the row as the sheet numbers it, the head of the column, what was expected. */
export interface RowFault {
  readonly row: number;
  readonly column: string;
  readonly message: string;
}

export interface ListTerms {
  readonly site: string;
  readonly timeZone: string;
  readonly currency: string;
  /** Null: the ratings of the grid connections together. */
  readonly busRatingW: number | null;
  /** Heads that the list uses for our columns, where they are not among the known ones. */
  readonly columns: Readonly<Partial<Record<ListColumn, string>>>;
  /** Columns in which an empty cell repeats the one above, as merged cells come out. */
  readonly fillDown: readonly ListColumn[];
}

export interface ImportedList {
  /** Null when no row could be used. */
  readonly text: string | null;
  readonly faults: readonly RowFault[];
  readonly rows: number;
  readonly points: number;
  /** Heads that mean nothing to us. */
  readonly ignored: readonly string[];
}

type Cells = readonly (readonly string[])[];

interface Head {
  readonly row: number;
  readonly at: ReadonlyMap<ListColumn, number>;
  readonly names: readonly string[];
  readonly ignored: readonly string[];
}

// Lists begin with a title, a project name, a date.
const deepestHead = 20;

const findHead = (cells: Cells, terms: ListTerms): Head | null => {
  const declared = new Map(Object.entries(terms.columns).map(([column, head]) => [head, column as ListColumn]));
  for (const [row, names] of cells.slice(0, deepestHead).entries()) {
    const at = new Map<ListColumn, number>();
    const ignored: string[] = [];
    for (const [index, name] of names.entries()) {
      const known = findColumn(name);
      // A head that is declared for another column is not also found by its word.
      const column =
        declared.get(name) ?? (known !== undefined && terms.columns[known] === undefined ? known : undefined);
      if (column !== undefined && !at.has(column)) at.set(column, index);
      else if (name !== "") ignored.push(name);
    }
    if (at.has("device") && at.has("quantity")) return { row, at, names, ignored };
  }
  return null;
};

interface Row {
  readonly row: number;
  readonly text: (column: ListColumn) => string;
  readonly fault: (column: ListColumn, message: string) => void;
}

const readRows = (cells: Cells, head: Head, terms: ListTerms, faults: RowFault[]): readonly Row[] => {
  const above = new Map<ListColumn, string>();
  const rows: Row[] = [];
  for (const [index, line] of cells.slice(head.row + 1).entries()) {
    if (line.every((cell) => cell === "")) continue;
    const row = head.row + index + 2;
    const filled = new Map<ListColumn, string>();
    for (const column of listColumns) {
      const at = head.at.get(column);
      const own = at === undefined ? "" : (line[at] ?? "");
      const text = own === "" && terms.fillDown.includes(column) ? (above.get(column) ?? "") : own;
      filled.set(column, text);
      above.set(column, text);
    }
    rows.push({
      row,
      text: (column) => filled.get(column) ?? "",
      fault: (column, message) => {
        faults.push({ row, column: head.names[head.at.get(column) ?? -1] ?? column, message });
      },
    });
  }
  return rows;
};

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

interface Figures {
  readonly row: Row;
  readonly device: string;
  readonly measure: Measure;
  /** What one of the raw unit is in W, Wh or per cent. */
  readonly factor: number;
  readonly node: string;
  readonly point: Readonly<Record<string, unknown>>;
  readonly about: Readonly<Record<string, unknown>>;
}

const readFigures = (row: Row, head: Head): Figures | null => {
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

/** The same thing said twice must be said alike. */
const merge = (
  into: Record<string, unknown>,
  from: Readonly<Record<string, unknown>>,
  row: Row,
  what: string,
): void => {
  for (const [key, value] of Object.entries(from)) {
    if (value === null || value === undefined || value === "") continue;
    const before = into[key];
    if (before === undefined) into[key] = value;
    else if (JSON.stringify(before) !== JSON.stringify(value) && key !== "register" && key !== "name")
      row.fault("device", `${what}: ${key} is ${quote(value)} here and ${quote(before)} above`);
  }
};

interface PointDraft {
  readonly device: string;
  readonly fields: Record<string, unknown>;
  readonly measures: Map<Measure, number>;
}
interface NodeDraft {
  readonly id: string;
  readonly rows: Row[];
  readonly about: Record<string, unknown>;
  readonly points: Map<string, PointDraft>;
}

/** An identifier for what people call a node: as it is when it is one, else its device, else a number. */
const createIds = (): ((name: string, device: string | null) => string) => {
  const known = new Map<string, string>();
  const taken = new Set<string>();
  return (name, device) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const wanted = identifierPattern.test(name) ? name : device;
    let id = wanted ?? `node-${known.size + 1}`;
    for (let count = 2; taken.has(id); count++) id = `${(wanted ?? "node").slice(0, 60)}-${count}`;
    known.set(name, id);
    taken.add(id);
    return id;
  };
};

const collect = (figures: readonly Figures[]): readonly NodeDraft[] => {
  const idOf = createIds();
  const nodes = new Map<string, NodeDraft>();
  for (const { row, device, measure, factor, node: name, about, point } of figures) {
    const id = idOf(name, device);
    const node = nodes.get(id) ?? { id, rows: [], about: {}, points: new Map<string, PointDraft>() };
    nodes.set(id, node);
    node.rows.push(row);
    merge(
      node.about,
      { ...about, name: about.name === "" && id !== name ? name : about.name },
      row,
      `node ${quote(name)}`,
    );
    const draft = node.points.get(device) ?? { device, fields: {}, measures: new Map<Measure, number>() };
    node.points.set(device, draft);
    if (draft.measures.has(measure)) row.fault("quantity", `${measure} of device ${quote(device)} is listed twice`);
    draft.measures.set(measure, factor);
    merge(draft.fields, point, row, `device ${quote(device)}`);
  }
  for (const node of nodes.values())
    if (typeof node.about.parent === "string") node.about.parent = idOf(node.about.parent, null);
  return [...nodes.values()];
};

const pointOf = (kind: unknown, { device, fields, measures }: PointDraft): Record<string, unknown> => {
  const generated = kind === "pv" || kind === "wind" || kind === "genset" || kind === "battery";
  const imported = measures.has("import") ? "energy_import_wh" : null;
  const exported = measures.has("export") ? "energy_export_wh" : null;
  // What a source gives is its export where it has one; a meter with one register only counts that.
  const forward = generated ? (exported ?? imported) : (imported ?? exported);
  const other = forward === imported ? exported : imported;
  const reverse = kind === "grid" || kind === "battery" ? other : null;
  const { code, ...rest } = fields;
  return {
    ...{ code, device, power: measures.has("power") ? "power_w" : null },
    ...(forward === null ? {} : { energy_forward: forward }),
    ...(reverse === null ? {} : { energy_reverse: reverse }),
    ...(measures.has("soc") ? { soc: "soc_pct" } : {}),
    ...rest,
  };
};

const quantityNames: Readonly<Record<Measure, string>> = {
  ...{ power: "power_w", import: "energy_import_wh", export: "energy_export_wh", soc: "soc_pct" },
};

/** What has to be multiplied before it is published, as comments: a site file knows watts and watt-hours only. */
const conversions = (nodes: readonly NodeDraft[]): string[] => {
  const lines = nodes.flatMap(({ points }) =>
    [...points.values()].flatMap(({ device, measures }) =>
      [...measures]
        .filter(([, factor]) => factor !== 1)
        .map(([measure, factor]) => `#   ${device}: ${quantityNames[measure]} = raw value × ${factor}`),
    ),
  );
  return lines.length === 0 ? [] : ["# Raw values that a mapping or the gateway must multiply:", ...lines];
};

/** Where a fault of the made file comes from: the rows of its node. */
const rowOf = (nodes: readonly NodeDraft[], message: string): number => {
  const index = Number(/^nodes\[(\d+)\]/.exec(message)?.[1] ?? Number.NaN);
  return nodes[index]?.rows[0]?.row ?? 0;
};

/** A point list as a site file that loads; every cell that cannot be used is a fault with its row and its column. */
export const importPoints = (cells: Cells, terms: ListTerms): ImportedList => {
  const trimmed = cells.map((line) => line.map((cell) => cell.trim()));
  const head = findHead(trimmed, terms);
  if (head === null) {
    const message = `no row of the first ${deepestHead} has heads for device and quantity (such as device, meter, 设备编号; quantity, register, 测点): declare them with --columns`;
    return { text: null, faults: [{ row: 1, column: "", message }], rows: 0, points: 0, ignored: [] };
  }
  const faults: RowFault[] = [];
  const rows = readRows(trimmed, head, terms, faults);
  const figures = rows
    .map((row) => {
      const before = faults.length;
      const found = readFigures(row, head);
      return faults.length > before ? null : found;
    })
    .filter((found) => found !== null);
  const nodes = collect(figures);
  const ratings = nodes.filter(({ about }) => about.kind === "grid").map(({ about }) => about.rating_w);
  const summed = ratings.reduce<number>((sum, rating) => sum + (typeof rating === "number" ? rating : 0), 0);
  const busRatingW = terms.busRatingW ?? (summed > 0 ? summed : null);
  // While every grid connection is refused its rating may stand there.
  if (busRatingW === null && (faults.length === 0 || ratings.length > 0))
    faults.push({ row: 0, column: "rating_kw", message: "no rated grid connection in the list: give --bus-rating-w" });
  const document = {
    ...{ site: terms.site, time_zone: terms.timeZone, currency: terms.currency, bus_rating_w: busRatingW },
    nodes: nodes.map(({ id, about, points }) => ({
      ...{ id, ...about },
      points: [...points.values()].map((point) => pointOf(about.kind, point)),
    })),
  };
  const note = [
    "# Made from a point list. Check every line, then put the file into ENERGY_SITES_DIR.",
    ...conversions(nodes),
  ];
  const text = `${note.join("\n")}\n${stringify(document, { lineWidth: 0 })}`;
  const parsed = nodes.length === 0 || busRatingW === null ? null : parseSite(text, "list");
  if (parsed !== null && !parsed.ok)
    for (const { message } of parsed.faults) faults.push({ row: rowOf(nodes, message), column: "", message });
  const points = nodes.reduce((sum, node) => sum + node.points.size, 0);
  return {
    text: parsed?.ok ? text : null,
    faults: faults.sort((a, b) => a.row - b.row),
    rows: rows.length,
    points,
    ignored: head.ignored,
  };
};
