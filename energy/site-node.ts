import { findQuantity, identifierPattern, quantityPattern } from "#store";
import { type Field, type Fields, quote, type Reader } from "./fields.ts";
import {
  type CtClass,
  type Estimate,
  type NodeKind,
  type NodeLevel,
  type NodeRole,
  nodeKinds,
  nodeLevels,
  type Origin,
  type Point,
  type RegisterReadings,
  type SiteNode,
  type Swap,
  type Text,
} from "./model.ts";

const roles: Readonly<Record<NodeKind, NodeRole>> = {
  grid: "grid",
  pv: "source",
  wind: "source",
  genset: "source",
  battery: "storage",
  ups: "load",
  it: "load",
  cooling: "load",
  "power-chain": "load",
  lighting: "load",
  misc: "load",
  office: "load",
  thermal: "storage",
};
export const origins: readonly Origin[] = ["measured", "recorded", "synthetic", "estimated"];
const ctClasses: readonly CtClass[] = ["0.2", "0.2S", "0.5", "0.5S", "1"];
const nodeKeys = [
  "id",
  "repeat",
  "kind",
  "name",
  "parent",
  "origin",
  "rating_w",
  "capacity_wh",
  "boundary",
  "counting",
  "level",
  "feed",
  "redundancy",
  "points",
] as const;
const pointKeys = [
  "code",
  "device",
  "power",
  "sign",
  "energy_forward",
  "energy_reverse",
  "soc",
  "interval_s",
  "meter_class",
  "ct_class",
  "ct_primary_a",
  "voltage_v",
  "phases",
  "feed",
  "estimate",
  "swap",
  "register",
  "gateway",
] as const;
/** Kinds that may be inside or outside the data-centre boundary. */
const byChoice: readonly NodeKind[] = ["battery", "thermal", "office", "lighting", "misc"];
const pointCode = /^MP\.[A-Z0-9]+([._-][A-Za-z0-9]+)*$/;

/** A node as its file says it, with the places that later checks point at. */
export interface DraftNode {
  readonly at: Field;
  readonly node: SiteNode;
  readonly parentAt: Field | null;
  readonly countingAt: Field | null;
}

export const identifier =
  (reader: Reader) =>
  (at: Field): string | null => {
    const text = reader.text(at);
    if (text === null || identifierPattern.test(text)) return text;
    reader.fault(at, `must be 1 to 64 letters, digits, dots, underscores or hyphens, got ${quote(text)}`);
    return null;
  };

/** One text for both languages, or a mapping with `en` and `zh-CN`. */
export const bothLanguages =
  (reader: Reader) =>
  (at: Field): Text | null => {
    if (reader.isMap(at)) {
      const fields = reader.map(at, ["en", "zh-CN"]);
      if (fields === null) return null;
      const en = reader.required(fields, "en", reader.text);
      const zh = reader.required(fields, "zh-CN", reader.text);
      return en === null || zh === null ? null : { en, "zh-CN": zh };
    }
    const text = reader.text(at);
    return text === null ? null : { en: text, "zh-CN": text };
  };

/** The name of a quantity, or none; a wrong unit or an unknown name is a fault. */
const quantityOf =
  (reader: Reader, unit: string, counter: boolean) =>
  (at: Field): { readonly name: string | null } | null => {
    if (reader.isNone(at)) return { name: null };
    const name = reader.text(at);
    if (name === null) return null;
    const known = quantityPattern.test(name) ? findQuantity(name) : undefined;
    if (known === undefined) {
      reader.fault(at, `unknown quantity ${quote(name)}, expected one in ${unit}`);
      return null;
    }
    if (known.unit === unit && (known.kind === "counter") === counter) return { name };
    reader.fault(
      at,
      `must be a ${counter ? "register" : "gauge"} in ${unit}, but ${quote(name)} is a ${known.kind} in ${known.unit}`,
    );
    return null;
  };

const readRegister = (reader: Reader, at: Field): Point["register"] | null => {
  const fields = reader.map(at, ["modulus_wh", "resolution_wh"]);
  if (fields === null) return null;
  return {
    modulusWh: reader.optional<number | null>(fields, "modulus_wh", null, (field) =>
      reader.isNone(field) ? null : reader.number(field, { above: 0 }),
    ),
    resolutionWh: reader.optional(fields, "resolution_wh", 1, (field) => reader.number(field, { min: 0 })),
  };
};

const codeOf =
  (reader: Reader) =>
  (field: Field): string | null => {
    const text = reader.text(field);
    if (text === null || pointCode.test(text)) return text;
    reader.fault(field, `must be a measurement point such as MP.PCC or MP.IT.IN.7, got ${quote(text)}`);
    return null;
  };

const feedOf =
  (reader: Reader) =>
  (field: Field): string | null => {
    const text = reader.text(field);
    if (text === null || /^[A-Z][A-Z0-9]?$/.test(text)) return text;
    reader.fault(field, `must be a feed such as A, B or A2, got ${quote(text)}`);
    return null;
  };

const redundancyOf =
  (reader: Reader) =>
  (field: Field): string | null => {
    const text = reader.text(field);
    if (text === null || /^(\d?N(\+\d)?|\dN?\(N\+\d\)|\d\/\d N|DR|RR)$/.test(text)) return text;
    reader.fault(field, `must be a redundancy such as N, N+1, 2N, 2(N+1), DR or RR, got ${quote(text)}`);
    return null;
  };

/** Key and value, or nothing: what a file does not say is not in the model. */
const given = <Key extends string, Value>(key: Key, value: Value | null): { readonly [K in Key]?: Value } =>
  (value === null ? {} : { [key]: value }) as { readonly [K in Key]?: Value };

const ctRating = (reader: Reader, fields: Fields): number | null => {
  const at = fields.get("ct_primary_a");
  const primaryA = at === null ? null : reader.number(at, { above: 0 });
  const voltageAt = fields.get("voltage_v");
  const voltageV = voltageAt === null ? null : reader.number(voltageAt, { above: 0 });
  const phases = reader.optional<1 | 3>(fields, "phases", 3, (field) => reader.choice(field, [1, 3] as const));
  if (at !== null && voltageAt === null)
    reader.fault(at, "needs voltage_v (between lines for three phases) to say at what power the transformer is full");
  if (primaryA === null || voltageV === null) return null;
  return Math.round((phases === 3 ? Math.sqrt(3) : 1) * voltageV * primaryA);
};

const readReadings = (reader: Reader, at: Field): RegisterReadings | null => {
  const fields = reader.map(at, ["forward_wh", "reverse_wh"]);
  if (fields === null) return null;
  const read = (key: string) =>
    reader.optional<number | null>(fields, key, null, (field) => reader.number(field, { min: 0 }));
  return { energyForward: read("forward_wh"), energyReverse: read("reverse_wh") };
};

const readSwap = (reader: Reader, at: Field): Swap | null => {
  const fields = reader.map(at, ["device", "ended", "started"]);
  if (fields === null) return null;
  const readings = (key: string) =>
    reader.optional<RegisterReadings | null>(fields, key, null, (field) => readReadings(reader, field));
  return {
    device: reader.optional<string | null>(fields, "device", null, identifier(reader)),
    ended: readings("ended"),
    started: readings("started"),
  };
};

const estimateKeys = ["type", "count", "each_w", "error_pct", "source"] as const;

const readEstimate = (reader: Reader, at: Field): Estimate | null => {
  const fields = reader.map(at, estimateKeys);
  if (fields === null) return null;
  const type = reader.required(fields, "type", bothLanguages(reader));
  const count = reader.required(fields, "count", (field) => reader.number(field, { min: 1, whole: true }));
  const eachW = reader.required(fields, "each_w", (field) => reader.number(field, { above: 0 }));
  const errorPct = reader.required(fields, "error_pct", (field) => reader.number(field, { above: 0, max: 100 }));
  // A figure that nobody can trace is no estimate.
  const source = reader.required(fields, "source", reader.text);
  if (type === null || count === null || eachW === null || errorPct === null || source === null) return null;
  return { type, count, eachW, errorPct, source };
};

/** A point without a meter. Its device is the node: no device of that name needs to exist. */
const readEstimated = (reader: Reader, fields: Fields, node: string | null, kind: NodeKind | null): Point | null => {
  for (const key of pointKeys) {
    const at = key === "code" || key === "estimate" ? null : fields.get(key);
    if (at !== null) reader.fault(at, "an estimated point has no meter: only code and estimate");
  }
  const code = reader.required(fields, "code", codeOf(reader));
  const estimate = reader.required(fields, "estimate", (field) => readEstimate(reader, field));
  const role = kind === null ? null : roles[kind];
  if (role !== null && role !== "load" && kind !== "grid")
    reader.fault(fields.self, `only a load or a grid connection can be estimated, this node is of kind ${kind}`);
  if (code === null || estimate === null || node === null) return null;
  const nothing = { power: null, energyForward: null, energyReverse: null, soc: null };
  return {
    ...{ code, device: node, ...nothing, sign: 1, intervalMs: 60_000 },
    ...{ meterClass: estimate.errorPct, ctClass: null, estimate },
    register: { modulusWh: null, resolutionWh: 0 },
  };
};

const readPoint = (reader: Reader, at: Field, node: string | null, kind: NodeKind | null): Point | null => {
  const fields = reader.map(at, pointKeys);
  if (fields === null) return null;
  if (fields.get("estimate") !== null) return readEstimated(reader, fields, node, kind);
  const code = reader.required(fields, "code", codeOf(reader));
  const device = reader.required(fields, "device", identifier(reader));
  const gauge = quantityOf(reader, "W", false);
  const register = quantityOf(reader, "Wh", true);
  // A tank of ice or water has no electric power of its own: what cools it is metered at the chillers.
  const usual = kind === "thermal" ? null : "power_w";
  const power = reader.optional(fields, "power", { name: usual as string | null }, gauge).name;
  const forward = reader.optional(fields, "energy_forward", { name: null as string | null }, register).name;
  const reverse = reader.optional(fields, "energy_reverse", { name: null as string | null }, register).name;
  const soc = reader.optional(fields, "soc", { name: null as string | null }, quantityOf(reader, "%", false)).name;
  const socAt = fields.get("soc");
  if (kind === "thermal" && (power !== null || forward !== null || reverse !== null))
    reader.fault(at, "a thermal storage has no electric meter: only soc");
  if (soc !== null && socAt !== null && kind !== null && kind !== "battery" && kind !== "thermal")
    reader.fault(socAt, `only a battery has a state of charge, this node is of kind ${kind}`);
  if (power === null && forward === null && reverse === null && soc === null)
    reader.fault(at, "measures nothing: give power, energy_forward, energy_reverse or soc");
  if (forward !== null && forward === reverse) {
    const reverseAt = fields.get("energy_reverse");
    if (reverseAt !== null)
      reader.fault(reverseAt, `must be another register than energy_forward, got ${quote(reverse)}`);
  }
  const point = {
    power,
    sign: reader.optional<1 | -1>(fields, "sign", 1, (field) => reader.choice(field, [1, -1] as const)),
    energyForward: forward,
    energyReverse: reverse,
    soc,
    intervalMs:
      1000 * reader.optional(fields, "interval_s", 10, (field) => reader.number(field, { above: 0, max: 86_400 })),
    meterClass: reader.optional(fields, "meter_class", 1, (field) => reader.number(field, { above: 0, max: 10 })),
    ctClass: reader.optional<CtClass | null>(fields, "ct_class", null, (field) =>
      reader.isNone(field) ? null : reader.choice(field, ctClasses),
    ),
    ...given("ctRatingW", ctRating(reader, fields)),
    ...given("feed", reader.optional<string | null>(fields, "feed", null, feedOf(reader))),
    ...given(
      "swap",
      reader.optional<Swap | null>(fields, "swap", null, (field) => readSwap(reader, field)),
    ),
    register: reader.optional(fields, "register", { modulusWh: null, resolutionWh: 1 }, (field) =>
      readRegister(reader, field),
    ),
  };
  const gateway = reader.optional<string | null>(fields, "gateway", null, (field) =>
    reader.isNone(field) ? null : identifier(reader)(field),
  );
  if (code === null || device === null) return null;
  return { code, device, ...point, ...(gateway === null ? {} : { gateway }) };
};

const readCapacity = (reader: Reader, fields: Fields, kind: NodeKind | null): number | null => {
  const at = fields.get("capacity_wh");
  if (at === null) {
    if (kind === "battery") reader.fault(fields.self, "capacity_wh is missing, a battery needs it");
    return null;
  }
  if (kind !== null && kind !== "battery" && kind !== "thermal")
    reader.fault(at, `only a battery has a capacity, this node is of kind ${kind}`);
  return reader.number(at, { above: 0 });
};

/** One node of a site file. Faults of its values are reported; how it stands to others is checked by `checkTree`. */
const readNode = (reader: Reader, at: Field, fields: Fields): DraftNode | null => {
  const id = reader.required(fields, "id", identifier(reader));
  const kind = reader.required(fields, "kind", (field) => reader.choice(field, nodeKinds));
  const name = reader.optional<Text>(fields, "name", { en: id ?? "", "zh-CN": id ?? "" }, bothLanguages(reader));
  const parentAt = fields.get("parent");
  const parent = parentAt === null || reader.isNone(parentAt) ? null : identifier(reader)(parentAt);
  const countingAt = fields.get("counting");
  const counting = countingAt === null ? null : reader.choice(countingAt, ["counted", "detail"] as const);
  const boundaryAt = fields.get("boundary");
  const boundary = boundaryAt === null ? null : reader.choice(boundaryAt, ["inside", "outside"] as const);
  if (boundaryAt !== null && kind !== null && !byChoice.includes(kind))
    reader.fault(
      boundaryAt,
      `only ${byChoice.join(", ")} are inside or outside the boundary by choice, this node is of kind ${kind}`,
    );
  const capacityWh = readCapacity(reader, fields, kind);
  const ratingW = reader.optional<number | null>(fields, "rating_w", null, (field) =>
    reader.isNone(field) ? null : reader.number(field, { above: 0 }),
  );
  const said = reader.optional<Origin>(fields, "origin", "measured", (field) => reader.choice(field, origins));
  const points = reader
    .optional<readonly Field[]>(fields, "points", [], reader.list)
    .map((point) => readPoint(reader, point, id, kind))
    .filter((point) => point !== null);
  const level = reader.optional<NodeLevel | null>(fields, "level", null, (field) => reader.choice(field, nodeLevels));
  const feed = reader.optional<string | null>(fields, "feed", null, feedOf(reader));
  const redundancy = reader.optional<string | null>(fields, "redundancy", null, redundancyOf(reader));
  if (id === null || kind === null) return null;
  const estimated = points.some((point) => point.estimate !== undefined);
  const origin = estimated ? ("estimated" as const) : said;
  return {
    at,
    parentAt,
    countingAt,
    node: {
      id,
      kind,
      role: roles[kind],
      name,
      parent,
      origin,
      ratingW,
      capacityWh,
      boundary: boundary ?? (kind === "battery" ? "outside" : "inside"),
      // Heat is not electricity: a tank is no part of the power balance.
      counting: kind === "thermal" ? "detail" : (counting ?? "counted"),
      ...given("level", level),
      ...given("feed", feed),
      ...given("redundancy", redundancy),
      points,
    },
  };
};

// More than a hall holds; a slip of the finger must not make a million.
const mostRepeated = 10_000;
const rangePattern = /^(\d{1,6})\.\.(\d{1,6})$/;

/** `001..400` as 001, 002 … 400, or the words of a list. */
const readRepeat = (reader: Reader, at: Field): readonly string[] | null => {
  if (reader.isList(at)) return (reader.list(at) ?? []).map(identifier(reader)).filter((word) => word !== null);
  const text = reader.text(at);
  if (text === null) return null;
  const [, first = "", last = ""] = rangePattern.exec(text) ?? [];
  const count = Number(last) - Number(first) + 1;
  if (first === "" || count < 1 || count > mostRepeated) {
    reader.fault(
      at,
      `must be a range such as 001..400 of at most ${mostRepeated}, or a list of words, got ${quote(text)}`,
    );
    return null;
  }
  const width = first.startsWith("0") ? first.length : 0;
  return Array.from({ length: count }, (_, index) => String(Number(first) + index).padStart(width, "0"));
};

/** The same reader for one of many: `*` in its texts is the word of that one. */
const numbered = (reader: Reader, word: string): Reader => ({
  ...reader,
  text: (at) => reader.text(at)?.replaceAll("*", word) ?? null,
});

/** The nodes of one entry of `nodes`: one, or with `repeat` as many as that says. */
export const readNodes = (reader: Reader, at: Field): readonly DraftNode[] => {
  const fields = reader.map(at, nodeKeys);
  if (fields === null) return [];
  const repeatAt = fields.get("repeat");
  if (repeatAt === null) {
    const one = readNode(reader, at, fields);
    return one === null ? [] : [one];
  }
  const words = readRepeat(reader, repeatAt) ?? [];
  const drafts: DraftNode[] = [];
  for (const word of words) {
    const before = reader.faults.length;
    const draft = readNode(numbered(reader, word), at, fields);
    // What is wrong with one is wrong with all.
    if (reader.faults.length > before) break;
    if (draft !== null) drafts.push(draft);
  }
  return drafts;
};

/** Parents, cycles and double counting; gives the nodes with their counting decided. */
export const checkTree = (reader: Reader, drafts: readonly DraftNode[]): readonly SiteNode[] => {
  const byId = new Map<string, DraftNode>();
  for (const draft of drafts) {
    if (byId.has(draft.node.id))
      reader.fault(draft.at, `second node with the id ${quote(draft.node.id)}, ids are unique`);
    else byId.set(draft.node.id, draft);
  }
  const ancestors = (draft: DraftNode): DraftNode[] | "cycle" => {
    const found: DraftNode[] = [];
    for (let id = draft.node.parent; id !== null; ) {
      const parent = byId.get(id);
      if (parent === undefined) break;
      if (parent === draft || found.includes(parent)) return "cycle";
      found.push(parent);
      id = parent.node.parent;
    }
    return found;
  };
  const meters = (draft: DraftNode): boolean => draft.node.points.length > 0;
  return drafts.map((draft) => {
    const { node, parentAt, countingAt } = draft;
    if (node.parent !== null && !byId.has(node.parent) && parentAt !== null)
      reader.fault(parentAt, `unknown node ${quote(node.parent)}, expected the id of another node of this file`);
    const above = ancestors(draft);
    if (above === "cycle") {
      reader.fault(parentAt ?? draft.at, `node ${quote(node.id)} is its own ancestor`);
      return node;
    }
    const metered = above.find(
      (ancestor) => meters(ancestor) && ancestor.node.role === node.role && ancestor.node.counting === "counted",
    );
    if (metered !== undefined && countingAt !== null && node.counting === "counted" && meters(draft))
      reader.fault(
        countingAt,
        `node ${quote(node.id)} would be counted twice, the meter of ${quote(metered.node.id)} counts it already: use "detail"`,
      );
    const grouped = metered !== undefined || !meters(draft);
    return { ...node, counting: grouped && countingAt === null ? ("detail" as const) : node.counting };
  });
};
