import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { findQuantity, quantityPattern } from "#store";
import { type Conversion, conversion, unitsFor } from "./conversion.ts";
import { type Mapping, type MappingField, type MappingRule, type TopicPattern, timeUnits } from "./mapping.ts";
import { type Path, parsePath, parseTemplate, type Template } from "./path.ts";
import { createReader, type Reader } from "./yaml-reader.ts";

/** One thing wrong with a mapping file, where, and what was expected. */
export interface MappingFault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type MappingResult =
  | { readonly ok: true; readonly mapping: Mapping }
  | { readonly ok: false; readonly faults: readonly MappingFault[] };

/** A mapping file (grammar in `mappings/README.md`), or everything that is wrong with it. */
export const parseMapping = (text: string, file: string): MappingResult => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const faults: MappingFault[] = [];
  const at = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset);
    faults.push({ file, line: Math.max(line, 1), column: Math.max(col, 1), message });
  };
  for (const error of document.errors)
    at(error.pos[0], (error.message.split("\n")[0] ?? "").replace(/ at line .*$/, ""));
  if (faults.length > 0) return { ok: false, faults };

  const reader = createReader((node, message) => at(node?.range?.[0] ?? 0, message));
  const mapping = readMapping(reader, document.contents, file);
  faults.sort((a, b) => a.line - b.line || a.column - b.column);
  return mapping === null || faults.length > 0 ? { ok: false, faults } : { ok: true, mapping };
};

const ruleKeys = ["site", "device", "values", "fields", "keep_unknown"] as const;

const readMapping = (reader: Reader, node: unknown, file: string): Mapping | null => {
  const top = reader.map(node, "a mapping");
  if (top === undefined) return null;
  reader.keys(top, ["topic", "each", "ts", "rules", ...ruleKeys], "a mapping");

  const topicNode = reader.get(top, "topic");
  if (topicNode === undefined) reader.fault(top, 'a mapping needs a "topic", such as "plant/{device}/data"');
  const topic = topicNode === undefined ? undefined : readTopic(reader, topicNode);

  const eachNode = reader.get(top, "each");
  const each = eachNode === undefined ? null : readPath(reader, eachNode, "each");
  const ts = readTime(reader, reader.get(top, "ts"));

  const defaults = readRule(reader, top, null);
  const rulesNode = reader.get(top, "rules");
  let rules: readonly MappingRule[] = [defaults];
  if (rulesNode === undefined) complete(reader, [top], defaults);
  else if (isSeq(rulesNode)) {
    rules = rulesNode.items.flatMap((item) => {
      const map = reader.map(item, "a rule");
      if (map === undefined) return [];
      reader.keys(map, ["when", "ignore", ...ruleKeys], "a rule");
      const rule = readRule(reader, map, defaults);
      complete(reader, [map, top], rule);
      return [rule];
    });
    if (rules.length === 0) reader.fault(rulesNode, "rules must hold at least one rule");
  } else reader.fault(rulesNode, `rules must be a list, not ${reader.shown(rulesNode)}`);

  return topic === undefined ? null : { file, topic, each: each ?? null, ts, rules };
};

/** What a rule must say; something said wrongly has its own fault already. */
const complete = (reader: Reader, maps: readonly YAMLMap[], rule: MappingRule): void => {
  const [map] = maps;
  if (rule.reading === "ignore" || map === undefined) return;
  const devices = maps.map((level) => reader.get(level, "device"));
  if (!devices.some((node) => node !== undefined && !(isSeq(node) && node.items.length === 0)))
    reader.fault(map, 'a "device" is needed, such as "{device}" from the topic');
  const fields = maps.map((level) => reader.get(level, "fields"));
  const someField = fields.some((node) => node !== undefined && !(isMap(node) && node.items.length === 0));
  const unknown = maps.map((level) => reader.get(level, "keep_unknown")).find((node) => node !== undefined);
  const keepsNone =
    unknown === undefined || (isScalar(unknown) && ["no", "false", false].includes(unknown.value as string));
  if (!someField && keepsNone) reader.fault(map, 'nothing would be read: give "fields" or "keep_unknown: yes"');
};

const readRule = (reader: Reader, map: YAMLMap, defaults: MappingRule | null): MappingRule => {
  const templates = (key: string): readonly Template[] | undefined => {
    const node = reader.get(map, key);
    if (node === undefined) return undefined;
    return reader.texts(node, key).flatMap(([text, item]) => readTemplate(reader, item, text, key) ?? []);
  };
  const valuesNode = reader.get(map, "values");
  const ownFields = readFields(reader, reader.get(map, "fields"));
  const named = new Set(ownFields.map((field) => field.text));
  const inherited = defaults?.fields.filter((field) => !named.has(field.text)) ?? [];
  const ignoreNode = reader.get(map, "ignore");
  return {
    when: readWhen(reader, reader.get(map, "when")),
    site: templates("site") ?? defaults?.site ?? [],
    device: templates("device") ?? defaults?.device ?? [],
    values: valuesNode === undefined ? (defaults?.values ?? []) : (readPath(reader, valuesNode, "values") ?? []),
    fields: [...ownFields, ...inherited],
    unknown: readUnknown(reader, reader.get(map, "keep_unknown"), defaults?.unknown ?? null),
    reading: ignoreNode !== undefined && yesOrNo(reader, ignoreNode, "ignore") === "yes" ? "ignore" : "read",
  };
};

const readWhen = (reader: Reader, node: Node | undefined): MappingRule["when"] => {
  if (node === undefined) return [];
  const map = reader.map(node, "when");
  return (map?.items ?? []).map((pair) => {
    const text = reader.keyOf(pair);
    return { text, path: parsePath(text), anyOf: reader.texts(pair.value, `when ${text}`).map(([value]) => value) };
  });
};

const readFields = (reader: Reader, node: Node | undefined): readonly MappingField[] => {
  if (node === undefined) return [];
  const map = reader.map(node, "fields");
  return (map?.items ?? []).flatMap((pair) => readField(reader, reader.keyOf(pair), pair.value) ?? []);
};

const readField = (reader: Reader, text: string, node: unknown): MappingField | undefined => {
  const what = `field "${text}"`;
  const path = parsePath(text);
  if (isScalar(node)) {
    const quantity = readQuantity(reader, node, what);
    if (quantity === undefined) return undefined;
    return { text, path, quantity, factor: 1, offset: 0, states: new Map() };
  }
  const map = reader.map(node, what);
  if (map === undefined) return undefined;
  reader.keys(map, ["quantity", "unit", "scale", "offset", "states"], what);
  const quantityNode = reader.get(map, "quantity");
  if (quantityNode === undefined) {
    reader.fault(map, `${what} needs a "quantity", such as power_w`);
    return undefined;
  }
  const quantity = readQuantity(reader, quantityNode, what);
  const unit = readUnit(reader, reader.get(map, "unit"), quantity, what);
  const scaleNode = reader.get(map, "scale");
  const scale = scaleNode === undefined ? 1 : reader.number(scaleNode, `scale of ${what}`);
  if (scale === 0) reader.fault(scaleNode, `scale of ${what} must not be 0`);
  const offsetNode = reader.get(map, "offset");
  const offset = offsetNode === undefined ? 0 : reader.number(offsetNode, `offset of ${what}`);
  const states = readStates(reader, reader.get(map, "states"), what);
  if (quantity === undefined || scale === undefined || offset === undefined) return undefined;
  // the device's number becomes its unit first (scale, offset), then ours
  return { text, path, quantity, factor: scale * unit.factor, offset: offset * unit.factor + unit.offset, states };
};

const readQuantity = (reader: Reader, node: Node, what: string): Template | undefined => {
  const text = reader.text(node, `the quantity of ${what}`);
  if (text === undefined) return undefined;
  const template = readTemplate(reader, node, text, `the quantity of ${what}`);
  if (template?.parts.every((part) => typeof part === "string") && !quantityPattern.test(text)) {
    reader.fault(node, `quantity "${text}" must be lower-case words with the unit last, such as power_w`);
  }
  return template;
};

const same: Conversion = { factor: 1, offset: 0 };

const readUnit = (reader: Reader, node: Node | undefined, quantity: Template | undefined, what: string): Conversion => {
  if (node === undefined) return same;
  const unit = reader.text(node, `the unit of ${what}`);
  if (unit === undefined || quantity === undefined) return same;
  const known = findQuantity(quantity.text);
  if (known === undefined) {
    reader.fault(node, `unit of ${what}: "${quantity.text}" is no known quantity to convert to; use scale`);
    return same;
  }
  const found = conversion(unit, known.unit);
  if (found === undefined) {
    const expected = unitsFor(known.unit).join(", ");
    reader.fault(node, `unit "${unit}" of ${what} cannot become ${known.unit}; expected one of ${expected}`);
  }
  return found ?? same;
};

const readStates = (reader: Reader, node: Node | undefined, what: string): ReadonlyMap<string, number> => {
  const states = new Map<string, number>();
  if (node === undefined) return states;
  for (const pair of reader.map(node, `states of ${what}`)?.items ?? []) {
    const value = reader.number(pair.value, `state "${reader.keyOf(pair)}" of ${what}`);
    if (value !== undefined) states.set(reader.keyOf(pair), value);
  }
  return states;
};

const readUnknown = (reader: Reader, node: Node | undefined, otherwise: Template | null): Template | null => {
  if (node === undefined) return otherwise;
  const text = reader.text(node, "keep_unknown");
  if (text === undefined || text === "no" || text === "false") return null;
  if (text === "yes" || text === "true") return parseTemplate("{field}");
  if (!text.includes("{field}")) {
    reader.fault(node, `keep_unknown must be yes, no, or a name with {field} in it, not "${text}"`);
    return null;
  }
  return readTemplate(reader, node, text, "keep_unknown") ?? null;
};

const yesOrNo = (reader: Reader, node: Node, what: string): "yes" | "no" => {
  const text = reader.text(node, what);
  if (text !== undefined && !["yes", "no", "true", "false"].includes(text)) {
    reader.fault(node, `${what} must be yes or no, not "${text}"`);
  }
  return text === "yes" || text === "true" ? "yes" : "no";
};

const readTime = (reader: Reader, node: Node | undefined): Mapping["ts"] => {
  if (node === undefined) return null;
  const map = reader.map(node, "ts");
  if (map === undefined) return null;
  reader.keys(map, ["path", "unit"], "ts");
  const pathNode = reader.get(map, "path");
  const unitNode = reader.get(map, "unit");
  if (pathNode === undefined) reader.fault(map, 'ts needs a "path", where the time is');
  if (unitNode === undefined) reader.fault(map, `ts needs a "unit": one of ${timeUnits.join(", ")}`);
  const path = pathNode === undefined ? undefined : readPath(reader, pathNode, "ts path");
  const unit = unitNode === undefined ? undefined : reader.text(unitNode, "ts unit");
  const known = timeUnits.find((name) => name === unit);
  if (unit !== undefined && known === undefined) {
    reader.fault(unitNode, `ts unit "${unit}" must be one of ${timeUnits.join(", ")}`);
  }
  return path === undefined || known === undefined ? null : { path, unit: known };
};

const readPath = (reader: Reader, node: Node, what: string): Path | undefined => {
  const text = reader.text(node, what);
  if (text === undefined) return undefined;
  const path = parsePath(text);
  if (path.some((key) => key === "")) {
    reader.fault(node, `${what} "${text}" has an empty step; expected a.b.0 or /a/b/0`);
    return undefined;
  }
  return path;
};

const readTemplate = (reader: Reader, node: Node, text: string, what: string): Template | undefined => {
  const template = parseTemplate(text);
  const broken = template.parts.some((part) =>
    typeof part === "string" ? /[{}]/.test(part) : part.name === "" || part.path.some((key) => key === ""),
  );
  if (broken) {
    reader.fault(node, `${what} "${text}" has a place that is not closed or has no name; expected {name}`);
    return undefined;
  }
  return template;
};

const readTopic = (reader: Reader, node: Node): TopicPattern | undefined => {
  const text = reader.text(node, "topic");
  if (text === undefined) return undefined;
  const levels = text.split("/");
  let sound = true;
  const wrong = (message: string): { kind: "any" } => {
    reader.fault(node, message);
    sound = false;
    return { kind: "any" };
  };
  if (levels[0] === "dc" || levels[0]?.startsWith("$"))
    wrong(`topic "${text}" begins with "${levels[0]}", which is taken`);
  const names = new Set<string>();
  const pattern: TopicPattern = levels.map((level, index) => {
    if (level === "+") return { kind: "any" };
    if (level === "#") {
      return index === levels.length - 1 ? { kind: "rest" } : wrong(`topic "${text}": "#" must be the last level`);
    }
    const name = /^\{([A-Za-z][A-Za-z0-9_]*)\}$/.exec(level)?.[1];
    if (name !== undefined) {
      if (names.has(name)) return wrong(`topic "${text}" captures "${name}" twice`);
      names.add(name);
      return { kind: "capture", name };
    }
    if (level === "") return wrong(`topic "${text}" has an empty level at position ${index + 1}`);
    if (/[{}+#]/.test(level)) return wrong(`level "${level}" of the topic must be plain text, {name}, + or #`);
    return { kind: "literal", text: level };
  });
  return sound ? pattern : undefined;
};
