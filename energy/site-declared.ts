import { Temporal } from "temporal-polyfill";
import { findQuantity, quantityPattern } from "#store";
import {
  type Certificate,
  certificateKinds,
  type Declared,
  type Fact,
  type Idle,
  type Medium,
  mediumUses,
  nothingDeclared,
  type Racks,
  type Rating,
  type Server,
} from "./declared.ts";
import { factors } from "./factor.ts";
import { type Field, type Fields, quote, type Reader } from "./fields.ts";
import type { SiteNode } from "./model.ts";
import { bothLanguages, identifier } from "./site-field.ts";
import { readEach } from "./site-repeat.ts";

/** Keys of a site file that say what is not measured as power: media, certificates, ratings, facts of reports. */
export const declaredKeys = [
  "media",
  "certificates",
  "ratings",
  "idle",
  "racks",
  "servers",
  "water_intensity",
  "pue_points",
  "design",
  "weather",
  "power_factor",
  "factors",
  "facts",
] as const;

const orNull = <Value>(reader: Reader, fields: Fields, key: string, read: (at: Field) => Value | null): Value | null =>
  reader.optional<Value | null>(fields, key, null, (at) => (reader.isNone(at) ? null : read(at)));

const quantityOf = (reader: Reader, kinds: readonly string[]) => (at: Field) => {
  const name = reader.text(at);
  const known = name === null || !quantityPattern.test(name) ? undefined : findQuantity(name);
  if (name === null || (known !== undefined && kinds.includes(known.kind))) return name;
  reader.fault(at, `must be a known ${kinds.join(" or ")}, got ${quote(name)}`);
  return null;
};

const nodeOf = (reader: Reader, nodes: readonly SiteNode[]) => (at: Field) => {
  const id = reader.text(at);
  if (id === null || nodes.some((node) => node.id === id)) return id;
  reader.fault(at, `unknown node ${quote(id)}, expected the id of a node of this file`);
  return null;
};

const each = <Item>(
  reader: Reader,
  fields: Fields,
  key: string,
  read: (at: Field) => Item | null,
  keyOf: (item: Item) => string,
): readonly Item[] => eachOf(reader, fields, key, (field) => [read(field)], keyOf);

const eachOf = <Item>(
  reader: Reader,
  fields: Fields,
  key: string,
  read: (at: Field) => readonly (Item | null)[],
  keyOf: (item: Item) => string,
): readonly Item[] => {
  const at = fields.get(key);
  const list = at === null || reader.isNone(at) ? [] : (reader.list(at) ?? []);
  const seen = new Set<string>();
  const items: Item[] = [];
  for (const field of list)
    for (const item of read(field)) {
      if (item === null) continue;
      if (seen.has(keyOf(item))) reader.fault(field, `second declaration of ${quote(keyOf(item))}`);
      seen.add(keyOf(item));
      items.push(item);
    }
  return items;
};

const readMedium = (reader: Reader, at: Field): Medium | null => {
  const fields = reader.map(at, ["code", "device", "quantity", "use", "interval_s"]);
  if (fields === null) return null;
  const code = reader.required(fields, "code", (field) => {
    const text = reader.text(field);
    if (text === null || /^MP\.[A-Z0-9]+([._-][A-Za-z0-9]+)*$/.test(text)) return text;
    reader.fault(field, `must be a code such as MP.WATER.IN, got ${quote(text)}`);
    return null;
  });
  const device = reader.required(fields, "device", identifier(reader));
  const quantity = reader.required(fields, "quantity", quantityOf(reader, ["counter"]));
  const use = reader.required(fields, "use", (field) => reader.choice(field, mediumUses));
  const intervalS = reader.optional(fields, "interval_s", 60, (field) => reader.number(field, { above: 0 }));
  if (code === null || device === null || quantity === null || use === null) return null;
  return { code, device, quantity, use, intervalMs: intervalS * 1000 };
};

/** A civil day of the site, as the instant it begins. */
const dayStart = (reader: Reader, timeZone: string) => (at: Field) => {
  const text = reader.text(at);
  if (text === null) return null;
  try {
    return Temporal.PlainDate.from(text).toZonedDateTime(timeZone).epochMilliseconds;
  } catch {
    reader.fault(at, `must be a day such as "2026-01-31", got ${quote(text)}`);
    return null;
  }
};

const certificateKeys = [
  "id",
  "kind",
  "owner",
  "volume_kwh",
  "from",
  "to",
  "zone",
  "cancelled_for",
  "cancelled_on",
  "bundled_with",
  "source",
] as const;

// kpi.md §5.6: one green certificate of China is 1,000 kWh and is not divided.
const gecKwh = 1000;

const readCertificate = (reader: Reader, at: Field, timeZone: string): Certificate | null => {
  const fields = reader.map(at, certificateKeys);
  if (fields === null) return null;
  const day = dayStart(reader, timeZone);
  const id = reader.required(fields, "id", reader.text);
  const kind = reader.required(fields, "kind", (field) => reader.choice(field, certificateKinds));
  const volumeKwh = reader.required(fields, "volume_kwh", (field) => {
    const kwh = reader.number(field, { above: 0 });
    if (kwh === null || kind !== "gec" || kwh % gecKwh === 0) return kwh;
    reader.fault(field, `must be whole certificates of ${gecKwh} kWh, got ${kwh}`);
    return null;
  });
  const from = reader.required(fields, "from", day);
  const to = reader.required(fields, "to", day);
  const owner = reader.required(fields, "owner", reader.text);
  const source = reader.required(fields, "source", reader.text);
  const zone = reader.optional(fields, "zone", "", reader.text);
  const rest = {
    cancelledFor: orNull(reader, fields, "cancelled_for", identifier(reader)),
    cancelledOn: orNull(reader, fields, "cancelled_on", day),
    bundledWith: orNull(reader, fields, "bundled_with", reader.text),
  };
  if (id === null || kind === null || volumeKwh === null || from === null || to === null) return null;
  if (owner === null || source === null) return null;
  if (to <= from) {
    reader.fault(at, "the production period is empty: `to` is the day after the last");
    return null;
  }
  return { id, kind, owner, volumeKwh, from, to, zone, ...rest, source };
};

const ratingKeys = [
  "node",
  "name",
  "count",
  "kind",
  "group",
  "value",
  "unit",
  "precision",
  "sparsity",
  "benchmark",
  "version",
  "power_w",
  "power_boundary",
  "source",
] as const;

const readRating = (reader: Reader, at: Field, nodes: readonly SiteNode[]): Rating | null => {
  const fields = reader.map(at, ratingKeys);
  if (fields === null) return null;
  const node = reader.required(fields, "node", nodeOf(reader, nodes));
  const name = reader.required(fields, "name", reader.text);
  const count = reader.optional(fields, "count", 1, (field) => reader.number(field, { min: 1, whole: true }));
  const kind = reader.required(fields, "kind", (field) =>
    reader.choice(field, ["theoretical_peak", "benchmark"] as const),
  );
  const group = reader.required(fields, "group", (field) =>
    reader.choice(field, ["intelligent", "general", "super"] as const),
  );
  const value = reader.required(fields, "value", (field) => reader.number(field, { above: 0 }));
  const unit = reader.optional(fields, "unit", "GFLOPS", (field) => {
    const text = reader.text(field);
    if (kind !== "theoretical_peak" || text === null || text === "GFLOPS") return text;
    reader.fault(field, `a theoretical peak is in GFLOPS, got ${quote(text)}`);
    return null;
  });
  // kpi.md §3: without precision, sparsity and power boundary a figure is not storable.
  const precision = reader.required(fields, "precision", reader.text);
  const sparsity = reader.required(fields, "sparsity", (field) =>
    reader.choice(field, ["dense", "2:4", "none"] as const),
  );
  const powerW = reader.required(fields, "power_w", (field) => reader.number(field, { above: 0 }));
  const powerBoundary = reader.required(fields, "power_boundary", (field) =>
    reader.choice(field, ["chip", "node"] as const),
  );
  const source = reader.required(fields, "source", reader.text);
  const benchmark = orNull(reader, fields, "benchmark", reader.text);
  const version = orNull(reader, fields, "version", reader.text);
  if (kind === "benchmark" && (benchmark === null || version === null))
    reader.fault(at, "a benchmark figure names its benchmark and version");
  if (node === null || name === null || kind === null || group === null || value === null) return null;
  if (precision === null || sparsity === null || powerW === null || powerBoundary === null || source === null)
    return null;
  return {
    ...{ node, name, count, kind, group, value, unit, precision, sparsity },
    ...{ benchmark, version, powerW, powerBoundary, source },
  };
};

const readIdle = (reader: Reader, at: Field, nodes: readonly SiteNode[]): Idle | null => {
  const fields = reader.map(at, ["node", "device", "utilisation", "allocated", "below_pct"]);
  if (fields === null) return null;
  const node = reader.required(fields, "node", nodeOf(reader, nodes));
  const device = reader.required(fields, "device", identifier(reader));
  const utilisation = reader.optional(fields, "utilisation", "util_pct", quantityOf(reader, ["gauge"]));
  const allocated = reader.optional(fields, "allocated", "allocated", quantityOf(reader, ["state"]));
  const belowPct = reader.optional(fields, "below_pct", 5, (field) => reader.number(field, { above: 0, max: 100 }));
  return node === null || device === null ? null : { node, device, utilisation, allocated, belowPct };
};

// kpi.md §2.6: a utilisation is sampled every quarter of an hour at least.
const slowestServerS = 900;

const serverKeys = ["device", "repeat", "utilisation", "interval_s", "operating", "primary"] as const;

const readServer = (reader: Reader, _at: Field, fields: Fields): Server | null => {
  const device = reader.required(fields, "device", identifier(reader));
  const utilisation = reader.optional(fields, "utilisation", "util_pct", quantityOf(reader, ["gauge"]));
  const intervalS = reader.optional(fields, "interval_s", 60, (field) =>
    reader.number(field, { above: 0, max: slowestServerS }),
  );
  const operating = orNull(reader, fields, "operating", quantityOf(reader, ["state"]));
  const list = reader.optional<readonly Field[]>(fields, "primary", [], reader.list);
  const primary = list.map((field) => {
    const keys = reader.map(field, ["quantity", "above"]);
    if (keys === null) return null;
    const quantity = reader.required(keys, "quantity", quantityOf(reader, ["gauge", "state"]));
    const above = reader.optional(keys, "above", 0, (place) => reader.number(place, { min: 0 }));
    return quantity === null ? null : { quantity, above };
  });
  if (device === null) return null;
  return {
    ...{ device, utilisation, intervalMs: intervalS * 1000, operating },
    primary: primary.filter((one) => one !== null),
  };
};

const readWaterIntensity = (reader: Reader, at: Field): Declared["waterIntensity"] | null => {
  const fields = reader.map(at, ["l_per_kwh", "source"]);
  if (fields === null) return null;
  const litresPerKwh = reader.required(fields, "l_per_kwh", (field) => reader.number(field, { min: 0 }));
  const source = reader.required(fields, "source", reader.text);
  return litresPerKwh === null || source === null ? null : { litresPerKwh, source };
};

const readRacks = (reader: Reader, at: Field): Racks | null => {
  const fields = reader.map(at, ["groups", "designed", "installed", "in_use", "source"]);
  if (fields === null) return null;
  const count = (key: string) => orNull(reader, fields, key, (field) => reader.number(field, { min: 0, whole: true }));
  const source = reader.required(fields, "source", reader.text);
  const groups = (reader.required(fields, "groups", reader.list) ?? []).map((group) => {
    const keys = reader.map(group, ["count", "rated_kw"]);
    if (keys === null) return null;
    const pieces = reader.required(keys, "count", (field) => reader.number(field, { min: 1, whole: true }));
    const ratedKw = reader.required(keys, "rated_kw", (field) => reader.number(field, { above: 0 }));
    return pieces === null || ratedKw === null ? null : { count: pieces, ratedKw };
  });
  const racks = { designed: count("designed"), installed: count("installed"), inUse: count("in_use") };
  if (racks.inUse !== null && racks.installed !== null && racks.inUse > racks.installed)
    reader.fault(at, `${racks.inUse} racks in use are more than the ${racks.installed} installed`);
  return source === null ? null : { groups: groups.filter((group) => group !== null), ...racks, source };
};

const readPoints = (reader: Reader, at: Field, nodes: readonly SiteNode[]): Declared["puePoints"] | null => {
  const fields = reader.map(at, ["cat1", "cat2", "cat3"]);
  if (fields === null) return null;
  const category = (key: string) =>
    orNull(reader, fields, key, (field) => {
      const ids = (reader.list(field) ?? []).map(nodeOf(reader, nodes)).filter((id) => id !== null);
      return ids.length === 0 ? null : ids;
    });
  return { "1": category("cat1"), "2": category("cat2"), "3": category("cat3") };
};

const readDesign = (reader: Reader, at: Field): Declared["design"] => {
  const fields = reader.map(at, ["pue", "it_load_kw", "climate", "source"]);
  if (fields === null) return null;
  const pue = reader.required(fields, "pue", (field) => reader.number(field, { min: 1 }));
  const itLoadKw = reader.required(fields, "it_load_kw", (field) => reader.number(field, { above: 0 }));
  const climate = reader.required(fields, "climate", bothLanguages(reader));
  const source = reader.required(fields, "source", reader.text);
  return pue === null || itLoadKw === null || climate === null || source === null
    ? null
    : { pue, itLoadKw, climate, source };
};

const readWeather = (reader: Reader, at: Field): Declared["weather"] => {
  const fields = reader.map(at, ["device", "quantity"]);
  if (fields === null) return null;
  const device = reader.required(fields, "device", identifier(reader));
  const quantity = reader.optional(fields, "quantity", "outdoor_c", quantityOf(reader, ["gauge"]));
  return device === null ? null : { device, quantity };
};

const readPowerFactor = (reader: Reader, at: Field): Declared["powerFactor"] => {
  const fields = reader.map(at, ["reference", "reactive", "adjustment", "source"]);
  if (fields === null) return null;
  const reference = reader.required(fields, "reference", (field) => reader.number(field, { above: 0, max: 1 }));
  const reactive = reader.optional(fields, "reactive", "sum" as const, (field) =>
    reader.choice(field, ["sum", "net"] as const),
  );
  const source = reader.required(fields, "source", reader.text);
  const rows = reader.optional(fields, "adjustment", [], reader.list).map((row) => {
    const keys = reader.map(row, ["at_least", "pct"]);
    if (keys === null) return null;
    const atLeast = reader.required(keys, "at_least", (field) => reader.number(field, { min: 0, max: 1 }));
    const pct = reader.required(keys, "pct", (field) => reader.number(field, { min: -100, max: 1000 }));
    return atLeast === null || pct === null ? null : { atLeast, pct };
  });
  const adjustment = rows.filter((row) => row !== null).sort((a, b) => b.atLeast - a.atLeast);
  return reference === null || source === null ? null : { reference, reactive, adjustment, source };
};

/** What a site may take from the dated factor files. */
export const factorUses = ["grid", "residual"] as const;

const readFactors = (reader: Reader, at: Field): Declared["factors"] | null => {
  const fields = reader.map(at, factorUses);
  if (fields === null) return null;
  const ids = factorUses.map((use) => {
    const kind = use === "grid" ? "grid_carbon" : "residual_mix";
    const read = (field: Field) => {
      const id = reader.text(field);
      const known = [...new Set(factors.filter((factor) => factor.kind === kind).map((factor) => factor.id))];
      if (id === null || known.includes(id)) return id;
      reader.fault(field, `unknown factor ${quote(id)}, expected one of ${known.join(", ")}`);
      return null;
    };
    return [use, orNull(reader, fields, use, read)] as const;
  });
  return Object.fromEntries(ids.flatMap(([use, id]) => (id === null ? [] : [[use, id]])));
};

const readFact = (reader: Reader, at: Field): Fact | null => {
  const fields = reader.map(at, ["field", "value", "text", "unit", "note", "source"]);
  if (fields === null) return null;
  const field = reader.required(fields, "field", reader.text);
  const number = orNull(reader, fields, "value", (place) => reader.number(place, {}));
  const text = orNull(reader, fields, "text", reader.text);
  const source = reader.required(fields, "source", reader.text);
  const unit = orNull(reader, fields, "unit", reader.text);
  const note = orNull(reader, fields, "note", reader.text);
  const value = number ?? text;
  if (value === null || (number !== null && text !== null))
    reader.fault(at, "a fact has either a value, which is a number, or a text");
  return field === null || value === null || source === null ? null : { field, value, unit, note, source };
};

/** Everything declared in a site file beside its power tree. */
export const readDeclared = (
  reader: Reader,
  fields: Fields,
  nodes: readonly SiteNode[],
  timeZone: string,
): Declared => {
  const one = <Value>(key: string, read: (at: Field) => Value | null): Value | null =>
    orNull(reader, fields, key, read);
  const certificates = each(
    reader,
    fields,
    "certificates",
    (at) => readCertificate(reader, at, timeZone),
    ({ id }) => id,
  );
  const certificatesAt = fields.get("certificates");
  for (const { id, bundledWith } of certificates)
    if (bundledWith !== null && certificatesAt !== null && !certificates.some((other) => other.id === bundledWith))
      reader.fault(certificatesAt, `${quote(id)} is bundled with ${quote(bundledWith)}, which is not in this file`);
  const servers = eachOf(
    reader,
    fields,
    "servers",
    (at) => readEach(reader, at, serverKeys, readServer),
    ({ device }) => device,
  );
  const waterIntensity = one("water_intensity", (at) => readWaterIntensity(reader, at) ?? null);
  return {
    media: each(
      reader,
      fields,
      "media",
      (at) => readMedium(reader, at),
      ({ device, quantity }) => `${device}/${quantity}`,
    ),
    certificates,
    ratings: each(
      reader,
      fields,
      "ratings",
      (at) => readRating(reader, at, nodes),
      ({ node, name, kind, precision, sparsity, benchmark }) =>
        [node, name, kind, precision, sparsity, benchmark].join("/"),
    ),
    idle: each(
      reader,
      fields,
      "idle",
      (at) => readIdle(reader, at, nodes),
      ({ node }) => node,
    ),
    racks: one("racks", (at) => readRacks(reader, at)),
    ...(servers.length === 0 ? {} : { servers }),
    ...(waterIntensity === null ? {} : { waterIntensity }),
    puePoints: one("pue_points", (at) => readPoints(reader, at, nodes)) ?? nothingDeclared.puePoints,
    design: one("design", (at) => readDesign(reader, at)),
    weather: one("weather", (at) => readWeather(reader, at)),
    powerFactor: one("power_factor", (at) => readPowerFactor(reader, at)),
    factors: one("factors", (at) => readFactors(reader, at)) ?? {},
    facts: each(
      reader,
      fields,
      "facts",
      (at) => readFact(reader, at),
      ({ field }) => field,
    ),
  };
};
