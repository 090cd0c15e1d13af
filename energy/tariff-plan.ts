// Named tariffs as dated data: what a site pays by, from one local date to another, with who says so.
import { type Fault, type Field, quote, type Reader, readYaml } from "./fields.ts";
import { type DemandVersion, demandBillings, type TariffVersion, type Text } from "./model.ts";
import { bothLanguages } from "./site-field.ts";
import { readBands, readDate, readMethod, readWindow } from "./site-terms.ts";
import citylearn from "./tariffs/citylearn-2022-tou.json" with { type: "json" };
import emhass from "./tariffs/emhass-2022.json" with { type: "json" };

export interface TariffPlan {
  readonly id: string;
  readonly name: Text;
  /** Where it applies. */
  readonly zone: string;
  readonly currency: string;
  /** Whose clock its hours are by; null: by that of the site. */
  readonly timeZone: string | null;
  /** Oldest first; they do not overlap, and between two there may be a gap without a price. */
  readonly versions: readonly (TariffVersion & {
    /** `primary`: read in the instrument; `secondary`: in a report of it; `unverified`: neither. */
    readonly authority: "primary" | "secondary" | "unverified";
    readonly note: string | null;
  })[];
  /** Null when no version has a price of demand. */
  readonly demand: {
    readonly windowMin: number;
    readonly method: "fixed" | "sliding";
    readonly versions: readonly DemandVersion[];
  } | null;
}
export type TariffPlans = ReadonlyMap<string, TariffPlan>;

export type ParsedPlan =
  | { readonly ok: true; readonly plan: TariffPlan }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const planKeys = ["plan", "name", "zone", "currency", "time_zone", "demand", "versions"] as const;
const versionKeys = [
  "valid_from",
  "valid_to",
  "instrument",
  "clause",
  "authority",
  "source",
  "note",
  "bands",
  "holidays",
  "workdays",
  "export_price_per_kwh",
  "demand",
] as const;
const authorities = ["primary", "secondary", "unverified"] as const;

type Version = TariffPlan["versions"][number];
interface Draft {
  readonly at: Field;
  readonly version: Version;
  readonly demand: Pick<DemandVersion, "pricePerKwMonth" | "billing" | "rebate"> | null;
}

const orNull = <Value>(reader: Reader, at: Field | null, read: (field: Field) => Value | null): Value | null =>
  at === null || reader.isNone(at) ? null : read(at);

const readDemandPrice = (reader: Reader, at: Field): Draft["demand"] => {
  const fields = reader.map(at, ["price_per_kw_month", "billing", "rebate"]);
  if (fields === null) return null;
  const price = reader.required(fields, "price_per_kw_month", (field) => reader.number(field, { min: 0 }));
  const billing = reader.optional(fields, "billing", "contract" as const, (field) =>
    reader.choice(field, demandBillings),
  );
  const rebate = orNull(reader, fields.get("rebate"), (field) => {
    const keys = reader.map(field, ["kwh_per_kva", "times"]);
    if (keys === null) return null;
    const kwhPerKva = reader.required(keys, "kwh_per_kva", (place) => reader.number(place, { above: 0 }));
    const times = reader.required(keys, "times", (place) => reader.number(place, { min: 0, max: 1 }));
    return kwhPerKva === null || times === null ? null : { kwhPerKva, times };
  });
  return price === null ? null : { pricePerKwMonth: price, billing, ...(rebate === null ? {} : { rebate }) };
};

const readVersion = (reader: Reader, at: Field): Draft | null => {
  const fields = reader.map(at, versionKeys);
  if (fields === null) return null;
  const [validFrom, validTo] = (["valid_from", "valid_to"] as const).map((key) =>
    reader.required<{ readonly date: string | null }>(fields, key, (field) => {
      if (reader.isNone(field)) return { date: null };
      const date = readDate(reader)(field);
      return date === null ? null : { date };
    }),
  );
  const instrument = reader.required(fields, "instrument", reader.text);
  const clause = reader.required(fields, "clause", reader.text);
  const authority = reader.required(fields, "authority", (field) => reader.choice(field, authorities));
  const source = reader.required(fields, "source", reader.text);
  const { bands, holidays, workdays, exportPricePerKwh } = readBands(reader, fields);
  const demand = orNull(reader, fields.get("demand"), (field) => readDemandPrice(reader, field));
  const note = orNull(reader, fields.get("note"), reader.text);
  if (validFrom == null || validTo == null || instrument === null || clause === null) return null;
  if (authority === null || source === null) return null;
  if (validFrom.date !== null && validTo.date !== null && validTo.date <= validFrom.date)
    reader.fault(fields.get("valid_to") ?? at, `must be after ${validFrom.date}, the day it begins to hold`);
  return {
    at,
    demand,
    version: {
      ...{ bands, exportPricePerKwh, source, validFrom: validFrom.date, validTo: validTo.date },
      ...(holidays === undefined ? {} : { holidays }),
      ...(workdays === undefined ? {} : { workdays }),
      ...{ instrument, clause, authority, note },
    },
  };
};

/** Versions in the order of their dates; two that hold on one day are a fault. */
const ordered = (reader: Reader, drafts: readonly Draft[]): readonly Draft[] => {
  const sorted = drafts.toSorted((a, b) => (a.version.validFrom ?? "").localeCompare(b.version.validFrom ?? ""));
  for (const [index, { at, version }] of sorted.entries()) {
    const before = sorted[index - 1]?.version;
    if (before === undefined) continue;
    if (before.validTo === null || (version.validFrom ?? "") < before.validTo)
      reader.fault(
        at,
        `holds from ${version.validFrom ?? "…"} on, but the version before it until ${before.validTo ?? "further notice"}`,
      );
  }
  return sorted;
};

/** A plan file as a plan, or every fault in it with line and column. */
export const parsePlan = (text: string, file: string): ParsedPlan => {
  const reader = readYaml(text, file);
  const fields = reader.faults.length > 0 ? null : reader.map(reader.root, planKeys);
  if (fields === null) return { ok: false, faults: reader.faults };
  const id = reader.required(fields, "plan", (at) => {
    const name = reader.text(at);
    if (name === null || /^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) return name;
    reader.fault(at, `must be 1 to 64 small letters, digits or hyphens, got ${quote(name)}`);
    return null;
  });
  const name = reader.required(fields, "name", bothLanguages(reader));
  const zone = reader.required(fields, "zone", reader.text);
  const currency = reader.required(fields, "currency", (at) => {
    const code = reader.text(at);
    if (code === null || /^[A-Z]{3}$/.test(code)) return code;
    reader.fault(at, `must be three capital letters of ISO 4217 such as CNY, got ${quote(code)}`);
    return null;
  });
  const timeZone = orNull(reader, fields.get("time_zone"), reader.text);
  const list = reader.required(fields, "versions", reader.list);
  if (list !== null && list.length === 0) reader.fault(fields.get("versions") ?? fields.self, "must not be empty");
  const drafts = ordered(
    reader,
    (list ?? []).map((at) => readVersion(reader, at)).filter((draft) => draft !== null),
  );
  const how = orNull(reader, fields.get("demand"), (at) => reader.map(at, ["window_min", "method"]));
  const terms = how === null ? null : { windowMin: readWindow(reader, how), method: readMethod(reader, how) };
  const prices = drafts.flatMap(({ version, demand }): DemandVersion[] =>
    demand === null ? [] : [{ validFrom: version.validFrom, validTo: version.validTo, ...demand }],
  );
  if (terms === null && prices.length > 0)
    reader.fault(
      fields.self,
      "versions have a price of demand: say at the top by what window, as demand: { method: sliding }",
    );
  if (reader.faults.length > 0 || id === null || name === null || zone === null || currency === null)
    return { ok: false, faults: reader.faults };
  return {
    ok: true,
    plan: {
      ...{ id, name, zone, currency, timeZone },
      versions: drafts.map(({ version }) => version),
      demand: terms === null || prices.length === 0 ? null : { ...terms, versions: prices },
    },
  };
};

let shipped: TariffPlans | null = null;

/** The plans that come with the product. */
export const shippedPlans = (): TariffPlans => {
  if (shipped !== null) return shipped;
  const plans = [citylearn, emhass].map((file) => {
    const parsed = parsePlan(JSON.stringify(file, null, 2), `${file.plan}.json`);
    if (!parsed.ok) throw new Error(`BUG: ${JSON.stringify(parsed.faults)}`);
    return parsed.plan;
  });
  shipped = new Map(plans.map((plan) => [plan.id, plan]));
  return shipped;
};
