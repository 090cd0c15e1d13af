import { createHash } from "node:crypto";
import { Temporal } from "temporal-polyfill";
import { type Fault, type Field, quote, type Reader, readPlain, readYaml } from "./fields.ts";
import type { DeclaredRules, SiteModel } from "./model.ts";
import { readPlainYaml } from "./plain-yaml.ts";
import { declaredKeys, readDeclared } from "./site-declared.ts";
import { bothLanguages, identifier } from "./site-field.ts";
import { checkTree, type DraftNode, readNodes } from "./site-node.ts";
import { placeKeys, readPlaces } from "./site-place.ts";
import { readRules } from "./site-rules.ts";
import { readCarbon, readCompute, readDemand, readTariff } from "./site-terms.ts";
import { shippedPlans, type TariffPlans } from "./tariff-plan.ts";

export type ParsedSite =
  | { readonly ok: true; readonly site: SiteModel }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const siteKeys = [
  "site",
  "name",
  "time_zone",
  "currency",
  "bus_rating_w",
  "pue_category",
  "nodes",
  "demand",
  "tariff",
  "carbon",
  "compute",
  "rules",
  "valid_from",
  ...placeKeys,
  ...declaredKeys,
] as const;

const readZone =
  (reader: Reader) =>
  (at: Field): string | null => {
    const text = reader.text(at);
    if (text === null) return null;
    try {
      new Intl.DateTimeFormat("en", { timeZone: text });
      return text;
    } catch {
      reader.fault(at, `must be a tz database name such as Asia/Shanghai, got ${quote(text)}`);
      return null;
    }
  };

const readCurrency =
  (reader: Reader) =>
  (at: Field): string | null => {
    const text = reader.text(at);
    if (text === null || /^[A-Z]{3}$/.test(text)) return text;
    reader.fault(at, `must be three capital letters of ISO 4217 such as CNY, got ${quote(text)}`);
    return null;
  };

/** A civil day or minute of the site. */
const readValidFrom = (reader: Reader, at: Field, timeZone: string): { ts: number; text: string } | null => {
  const text = reader.text(at);
  if (text === null) return null;
  try {
    const local = Temporal.PlainDateTime.from(text);
    // Accounts are made by the minute: a model holds for whole ones.
    if (!local.round("minute").equals(local)) throw new RangeError("not a whole minute");
    const day = local.equals(local.toPlainDate().toPlainDateTime());
    return {
      ts: local.toZonedDateTime(timeZone).epochMilliseconds,
      text: day ? local.toPlainDate().toString() : local.toString({ smallestUnit: "minute" }),
    };
  } catch {
    reader.fault(at, `must be a local day or minute such as 2026-06-01 or 2026-06-01T10:30, got ${quote(text)}`);
    return null;
  }
};

const checkPoints = (reader: Reader, drafts: readonly DraftNode[]): void => {
  const owner = new Map<string, string>();
  for (const { at, node } of drafts) {
    for (const point of node.points) {
      for (const quantity of [point.power, point.energyForward, point.energyReverse]) {
        if (quantity === null) continue;
        const key = `${point.device}/${quantity}`;
        const before = owner.get(key);
        if (before !== undefined) reader.fault(at, `${key} is read by ${quote(before)} and again by ${quote(node.id)}`);
        owner.set(key, node.id);
      }
    }
  }
};

const ordered = (faults: readonly Fault[]): Fault[] =>
  [...faults].sort((a, b) => a.line - b.line || a.column - b.column);

/** A site file as a model, or every fault in it with line and column; its `rules` are held against the declared, its plans among the known. */
export const parseSite = (
  text: string,
  file: string,
  declaredRules?: DeclaredRules,
  plans: TariffPlans = shippedPlans(),
): ParsedSite => {
  const plain = readPlainYaml(text);
  const quick = plain === undefined ? null : readSite(readPlain(plain, file), declaredRules, plans);
  // What is not in order is read again, for the places of its faults.
  return quick?.ok ? quick : readSite(readYaml(text, file), declaredRules, plans);
};

/** The model that a reader holds, or its faults. */
export const readSite = (
  reader: Reader,
  declaredRules?: DeclaredRules,
  plans: TariffPlans = shippedPlans(),
): ParsedSite => {
  const fields = reader.faults.length > 0 ? null : reader.map(reader.root, siteKeys);
  if (fields === null) return { ok: false, faults: reader.faults };

  const id = reader.required(fields, "site", (at) => {
    const name = identifier(reader)(at);
    if (name !== "system") return name;
    reader.fault(at, 'must be another name, "system" is the site of the product itself');
    return null;
  });
  const name = reader.optional(fields, "name", { en: id ?? "", "zh-CN": id ?? "" }, bothLanguages(reader));
  const timeZone = reader.required(fields, "time_zone", readZone(reader));
  const currency = reader.required(fields, "currency", readCurrency(reader));
  const busRatingW = reader.required(fields, "bus_rating_w", (at) => reader.number(at, { above: 0 }));
  const pueCategory = reader.optional<1 | 2 | 3>(fields, "pue_category", 2, (at) =>
    reader.choice(at, [1, 2, 3] as const),
  );
  const list = reader.required(fields, "nodes", reader.list);
  const drafts = (list ?? []).flatMap((at) => readNodes(reader, at));
  const nodes = checkTree(reader, drafts);
  const nodesAt = fields.get("nodes");
  if (list !== null && nodesAt !== null) {
    checkPoints(reader, drafts);
    if (!nodes.some((node) => node.kind === "grid"))
      reader.fault(nodesAt, "no node of kind grid: a site has at least one grid connection");
  }
  const none = <Terms>(at: Field, read: (field: Field) => Terms | null): Terms | null =>
    reader.isNone(at) ? null : read(at);
  const of = { plans, currency, timeZone };
  const terms = {
    demand: reader.optional(fields, "demand", null, (at) => none(at, (field) => readDemand(reader, field, of))),
    tariff: reader.optional(fields, "tariff", null, (at) => none(at, (field) => readTariff(reader, field, of))),
    carbon: reader.optional(fields, "carbon", null, (at) => none(at, (field) => readCarbon(reader, field))),
    compute: reader.optional(fields, "compute", null, (at) => none(at, (field) => readCompute(reader, field, nodes))),
  };

  const validFrom = reader.optional<{ ts: number; text: string } | null>(fields, "valid_from", null, (at) =>
    reader.isNone(at) || timeZone === null ? null : readValidFrom(reader, at, timeZone),
  );
  if (validFrom === null)
    for (const { at, node } of drafts)
      if (node.points.some(({ swap }) => swap !== undefined))
        reader.fault(at, "a swap needs valid_from at the top of the file: the minute in which the meter was exchanged");
  const rules = reader.optional(fields, "rules", null, (at) =>
    none(at, (field) => readRules(reader, field, declaredRules)),
  );
  const places = readPlaces(reader, fields, nodes, terms.demand);

  const missing = id === null || timeZone === null || currency === null || busRatingW === null;
  const declared = declaredKeys.some((key) => fields.get(key) !== null)
    ? { declared: readDeclared(reader, fields, nodes, timeZone ?? "UTC") }
    : {};
  if (reader.faults.length > 0 || missing) return { ok: false, faults: ordered(reader.faults) };
  const since = validFrom === null ? {} : { validFrom: validFrom.ts };
  const content = {
    id,
    name,
    timeZone,
    currency,
    busRatingW,
    pueCategory,
    nodes,
    ...terms,
    ...places,
    ...declared,
    ...since,
  };
  // A comment or a blank line does not make another model.
  const written = JSON.stringify(content);
  const hash = createHash("sha256").update(written).digest("hex").slice(0, 12);
  const revision = validFrom === null ? hash : `${hash}@${validFrom.text}`;
  // Read back, its texts are its own: slices of the file's text would keep all of that in memory.
  return {
    ok: true,
    site: { ...(JSON.parse(written) as typeof content), revision, ...(rules === null ? {} : { rules }) },
  };
};
