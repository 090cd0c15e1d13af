import { findQuantity } from "#store";
import { type Candidate, type Decoder, nothing, type Rejection, refuse, type Source } from "./decoder.ts";
import { fill, lookUp, type Path, type Template } from "./path.ts";
import { isObject, numeric, quote, readJson } from "./payload.ts";

/** A mapping file, parsed: how the JSON of some topics becomes readings. The grammar is in `mappings/README.md`. */
export interface Mapping {
  readonly file: string;
  readonly topic: TopicPattern;
  /** Where the list of items is; null: the payload is the one item, or itself a list of them. */
  readonly each: Path | null;
  readonly ts: { readonly path: Path; readonly unit: TimeUnit } | null;
  /** The first whose conditions all hold reads the item. */
  readonly rules: readonly MappingRule[];
}

export interface MappingRule {
  readonly when: readonly { readonly path: Path; readonly text: string; readonly anyOf: readonly string[] }[];
  /** Alternatives in order; the first that can be filled counts. */
  readonly site: readonly Template[];
  readonly device: readonly Template[];
  /** Where the fields are in the item. */
  readonly values: Path;
  readonly fields: readonly MappingField[];
  /** How fields outside the table are named; null drops them. `{field}` is the field's own name. */
  readonly unknown: Template | null;
  readonly reading: "read" | "ignore";
}

export interface MappingField {
  readonly text: string;
  readonly path: Path;
  readonly quantity: Template;
  readonly factor: number;
  readonly offset: number;
  readonly states: ReadonlyMap<string, number>;
}

export type TopicPattern = readonly (
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "capture"; readonly name: string }
  | { readonly kind: "any" }
  | { readonly kind: "rest" }
)[];

export const timeUnits = ["s", "ms", "us", "ns", "iso"] as const;
export type TimeUnit = (typeof timeUnits)[number];

export const createMappingDecoder = (mapping: Mapping): Decoder => ({
  name: `mapping ${mapping.file}`,
  matches: ({ address, levels }) => address === null && captures(mapping.topic, levels) !== null,
  decode(source) {
    const names = captures(mapping.topic, source.levels);
    if (names === null) return nothing;
    const json = readJson(source);
    if (!json.ok) return json.refused;
    const listed = mapping.each === null ? undefined : lookUp(json.value, mapping.each);
    const items = Array.isArray(listed) ? listed : Array.isArray(json.value) ? json.value : [json.value];
    if (items.length === 0) return refuse("COLLECTOR_BATCH_EMPTY", "the list holds no item", source.site);
    const readings: Candidate[] = [];
    const rejected: Rejection[] = [];
    for (const item of items) {
      const result = readItem(mapping, names, item, source);
      if (result === null) continue;
      if ("code" in result) rejected.push(result);
      else readings.push(result);
    }
    return { readings, rejected };
  },
});

const captures = (pattern: TopicPattern, levels: readonly string[]): ReadonlyMap<string, string> | null => {
  const open = pattern.at(-1)?.kind === "rest";
  if (open ? levels.length < pattern.length - 1 : levels.length !== pattern.length) return null;
  const names = new Map<string, string>();
  for (const [index, part] of pattern.entries()) {
    const level = levels[index] ?? "";
    if (part.kind === "literal" && part.text !== level) return null;
    if (part.kind === "capture") names.set(part.name, level);
  }
  return names;
};

const readItem = (
  mapping: Mapping,
  names: ReadonlyMap<string, string>,
  item: unknown,
  source: Source,
): Candidate | Rejection | null => {
  const fault = (code: Rejection["code"], reason: string): Rejection => ({ code, reason, site: source.site });
  const rule = mapping.rules.find(({ when }) =>
    when.every(({ path, anyOf }) => anyOf.includes(String(lookUp(item, path) ?? ""))),
  );
  if (rule === undefined) {
    return fault("COLLECTOR_MAPPING_PATH_MISSING", `no rule of ${mapping.file} fits ${quote(item)}`);
  }
  if (rule.reading === "ignore") return null;

  const device = firstFilled(rule.device, names, item);
  if (device === undefined) {
    const wanted = rule.device.map((template) => template.text).join(" or ");
    return fault("COLLECTOR_MAPPING_PATH_MISSING", `${mapping.file}: nothing fills the device ${wanted}`);
  }
  const values = valuesOf(rule, names, item);
  if (values.length === 0) {
    const wanted = rule.fields.slice(0, 5).map((field) => field.text);
    const reason = `${mapping.file}: none of ${wanted.join(", ") || "its fields"} is in ${quote(item)}`;
    return fault("COLLECTOR_MAPPING_PATH_MISSING", reason);
  }
  return {
    site: identifierFrom(firstFilled(rule.site, names, item) ?? source.site),
    device: identifierFrom(device),
    ts: mapping.ts === null ? undefined : timeOf(lookUp(item, mapping.ts.path), mapping.ts.unit),
    values,
  };
};

const valuesOf = (
  rule: MappingRule,
  names: ReadonlyMap<string, string>,
  item: unknown,
): (readonly [string, unknown])[] => {
  const holder = lookUp(item, rule.values);
  const found = new Map<string, unknown>();
  const read = new Set<string>();
  for (const field of rule.fields) {
    const raw = lookUp(holder, field.path);
    if (raw === undefined || raw === null) continue;
    const [key] = field.path;
    if (field.path.length === 1 && key !== undefined) read.add(key);
    const quantity = fill(field.quantity, names, item);
    if (quantity === undefined) continue;
    const name = quantityFrom(quantity);
    // of two fields for one quantity the table's first counts
    if (!found.has(name)) found.set(name, scaled(raw, field));
  }
  if (rule.unknown !== null && isObject(holder)) {
    for (const [key, raw] of Object.entries(holder)) {
      const value = numeric(raw);
      if (read.has(key) || typeof value !== "number") continue; // text is no quantity
      const own = quantityFrom(key);
      const filled = fill(rule.unknown, new Map([...names, ["field", key]]), item) ?? key;
      const name = findQuantity(own) === undefined ? quantityFrom(filled) : own;
      if (!found.has(name)) found.set(name, value);
    }
  }
  return [...found];
};

const scaled = (raw: unknown, { states, factor, offset }: MappingField): unknown => {
  const state = states.get(String(raw));
  if (state !== undefined) return state;
  const value = numeric(raw);
  return typeof value === "number" ? value * factor + offset : value;
};

const firstFilled = (
  templates: readonly Template[],
  names: ReadonlyMap<string, string>,
  item: unknown,
): string | undefined => {
  for (const template of templates) {
    const text = fill(template, names, item);
    if (text !== undefined) return text;
  }
  return undefined;
};

const perMs = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 } as const;
// Without a zone the time would be read in the zone of this machine.
const isoWithZone = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$/;

const timeOf = (raw: unknown, unit: TimeUnit): unknown => {
  if (raw === undefined || raw === null) return undefined;
  if (unit === "iso") {
    const ms = typeof raw === "string" && isoWithZone.test(raw) ? Date.parse(raw) : Number.NaN;
    return Number.isNaN(ms) ? raw : ms;
  }
  const value = numeric(raw);
  return typeof value === "number" && Number.isFinite(value) ? Math.round(value * perMs[unit]) : raw;
};

/** Foreign names become ours: `Rack 1` is `Rack-1`. */
const identifierFrom = (name: string): string => name.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
const quantityFrom = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
