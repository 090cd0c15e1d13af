// A point list of an integrator, row by row, as a site file: rows ─▶ figures of rows ─▶ points of nodes ─▶ YAML ─▶ parseSite
import { stringify } from "yaml";
import { identifierPattern } from "#store";
import { quote } from "./fields.ts";
import { type Figures, readFigures } from "./point-figures.ts";
import { type Cells, deepestHead, findHead, type ListTerms, type Row, type RowFault, readRows } from "./point-rows.ts";
import type { Measure } from "./point-words.ts";
import { parseSite } from "./site.ts";

export interface ImportedList {
  /** Null when no row could be used. */
  readonly text: string | null;
  readonly faults: readonly RowFault[];
  readonly rows: number;
  readonly points: number;
  /** Heads that mean nothing to us. */
  readonly ignored: readonly string[];
}

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
