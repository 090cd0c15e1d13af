import { findQuantity, quantityPattern } from "#store";
import { type Field, type Fields, quote, type Reader } from "./fields.ts";
import {
  type CtClass,
  type Estimate,
  type NodeKind,
  nodeRoles,
  type Point,
  type RegisterReadings,
  type Swap,
} from "./model.ts";
import { bothLanguages, feedOf, given, identifier } from "./site-field.ts";

const ctClasses: readonly CtClass[] = ["0.2", "0.2S", "0.5", "0.5S", "1"];
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
  "sentinels",
] as const;
const pointCode = /^MP\.[A-Z0-9]+([._-][A-Za-z0-9]+)*$/;

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

const nominal = (reader: Reader, fields: Fields): number | null => {
  const at = fields.get("voltage_v");
  const voltageV = at === null ? null : reader.number(at, { above: 0 });
  const phases = reader.optional<1 | 3>(fields, "phases", 3, (field) => reader.choice(field, [1, 3] as const));
  return voltageV === null ? null : Math.round((voltageV / (phases === 3 ? Math.sqrt(3) : 1)) * 10) / 10;
};

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
  const role = kind === null ? null : nodeRoles[kind];
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

/** One measurement point of a node of that id and kind, which are null where they are faulty themselves. */
export const readPoint = (reader: Reader, at: Field, node: string | null, kind: NodeKind | null): Point | null => {
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
    ...given("nominalV", nominal(reader, fields)),
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
  const sentinels = reader
    .optional<readonly Field[]>(fields, "sentinels", [], reader.list)
    .map((field) => reader.number(field, {}))
    .filter((value) => value !== null);
  if (code === null || device === null) return null;
  return {
    ...{ code, device, ...point },
    ...(gateway === null ? {} : { gateway }),
    ...(sentinels.length === 0 ? {} : { sentinels }),
  };
};
