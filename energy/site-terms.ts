import { findQuantity, quantityPattern } from "#store";
import { type Field, type Fields, quote, type Reader } from "./fields.ts";
import {
  type CarbonTerms,
  type ComputeTerms,
  type DayType,
  type DemandTerms,
  dayTypes,
  demandBillings,
  type SiteNode,
  type Tariff,
  type TariffPeriod,
} from "./model.ts";
import { bothLanguages, identifier } from "./site-field.ts";
import { origins } from "./site-node.ts";
import type { TariffPlan, TariffPlans } from "./tariff-plan.ts";

const periods: readonly TariffPeriod[] = ["critical_peak", "peak", "flat", "valley", "deep_valley"];
const dayMin = 1440;

export const readWindow = (reader: Reader, fields: Fields): number =>
  reader.optional(fields, "window_min", 15, (field) => {
    const minutes = reader.number(field, { min: 1, max: 60, whole: true });
    if (minutes === null || 60 % minutes === 0) return minutes;
    reader.fault(field, `must divide the hour (5, 10, 15, 20, 30, 60), got ${minutes}`);
    return null;
  });

export const readMethod = (reader: Reader, fields: Fields): "fixed" | "sliding" =>
  reader.optional(fields, "method", "fixed" as const, (field) => reader.choice(field, ["fixed", "sliding"] as const));

/** What the terms of a site stand against: the plans it may name, and what a plan must agree with. */
export interface TermsOf {
  readonly plans: TariffPlans;
  readonly currency: string | null;
  readonly timeZone: string | null;
}

/** The plan that a site names; null, with a fault, when there is none or it is not for this site. */
const readPlanName = (reader: Reader, at: Field, { plans, currency, timeZone }: TermsOf): TariffPlan | null => {
  const id = reader.text(at);
  if (id === null) return null;
  const plan = plans.get(id);
  if (plan === undefined) {
    reader.fault(at, `unknown tariff plan ${quote(id)}, expected one of ${[...plans.keys()].join(", ")}`);
    return null;
  }
  if (currency !== null && plan.currency !== currency)
    reader.fault(at, `plan ${quote(id)} is in ${plan.currency}, this site in ${currency}`);
  if (timeZone !== null && plan.timeZone !== null && plan.timeZone !== timeZone)
    reader.fault(at, `plan ${quote(id)} is by the clock of ${plan.timeZone}, this site by that of ${timeZone}`);
  return plan;
};

/** Keys that a plan speaks for. */
const refuseBeside = (reader: Reader, fields: Fields, keys: readonly string[]): void => {
  for (const key of keys) {
    const at = fields.get(key);
    if (at !== null) reader.fault(at, "the plan says it: leave it out, or leave the plan out");
  }
};

const plannedDemand = (reader: Reader, fields: Fields, planAt: Field, of: TermsOf): DemandTerms | null => {
  refuseBeside(reader, fields, ["window_min", "method", "price_per_kw_month", "billing"]);
  const plan = readPlanName(reader, planAt, of);
  const contractW = reader.required(fields, "contract_w", (field) => reader.number(field, { above: 0 }));
  const startDay = reader.optional<number | null>(fields, "cycle_start_day", null, (field) =>
    reader.number(field, { min: 1, max: 28, whole: true }),
  );
  if (plan === null || contractW === null) return null;
  const { demand } = plan;
  const newest = demand?.versions.at(-1);
  if (demand === null || newest === undefined) {
    reader.fault(planAt, `plan ${quote(plan.id)} has no price of demand`);
    return null;
  }
  const { windowMin, method, versions } = demand;
  return {
    ...{ contractW, windowMin, method, pricePerKwMonth: newest.pricePerKwMonth, billing: newest.billing },
    ...(startDay === null ? {} : { cycleStartDay: startDay }),
    ...{ plan: plan.id, versions },
  };
};

export const readDemand = (reader: Reader, at: Field, of: TermsOf): DemandTerms | null => {
  const fields = reader.map(at, [
    "plan",
    "contract_w",
    "window_min",
    "method",
    "price_per_kw_month",
    "billing",
    "cycle_start_day",
  ]);
  if (fields === null) return null;
  const planAt = fields.get("plan");
  if (planAt !== null) return plannedDemand(reader, fields, planAt, of);
  const contractW = reader.required(fields, "contract_w", (field) => reader.number(field, { above: 0 }));
  const windowMin = readWindow(reader, fields);
  const method = readMethod(reader, fields);
  const price = reader.optional(fields, "price_per_kw_month", 0, (field) => reader.number(field, { min: 0 }));
  const billing = reader.optional(fields, "billing", "contract" as const, (field) =>
    reader.choice(field, demandBillings),
  );
  const startDay = reader.optional<number | null>(fields, "cycle_start_day", null, (field) =>
    reader.number(field, { min: 1, max: 28, whole: true }),
  );
  if (contractW === null) return null;
  const cycle = startDay === null ? {} : { cycleStartDay: startDay };
  return { contractW, windowMin, method, pricePerKwMonth: price, billing, ...cycle };
};

const readClock = (reader: Reader, at: Field): { text: string; minute: number } | null => {
  const text = reader.text(at);
  const match = text === null ? null : /^([0-2]\d):([0-5]\d)$/.exec(text);
  const minute = match === null ? Number.NaN : Number(match[1]) * 60 + Number(match[2]);
  if (text !== null && minute <= dayMin) return { text, minute };
  // An unquoted 08:00 stays a text in YAML 1.2, an unquoted 8:00 too; both are named here.
  if (text !== null) reader.fault(at, `must be a time of day from "00:00" to "24:00", got ${quote(text)}`);
  return null;
};

interface Band {
  readonly at: Field;
  readonly from: { text: string; minute: number };
  readonly to: { text: string; minute: number };
  readonly period: TariffPeriod;
  readonly pricePerKwh: number;
  readonly months: readonly number[] | null;
  readonly days: readonly DayType[] | null;
}

const readBand = (reader: Reader, at: Field): Band | null => {
  const fields = reader.map(at, ["from", "to", "period", "price_per_kwh", "months", "days"]);
  if (fields === null) return null;
  const from = reader.required(fields, "from", (field) => readClock(reader, field));
  const to = reader.required(fields, "to", (field) => readClock(reader, field));
  const period = reader.required(fields, "period", (field) => reader.choice(field, periods));
  const price = reader.required(fields, "price_per_kwh", (field) => reader.number(field, {}));
  if (from === null || to === null || period === null || price === null) return null;
  if (from.minute === to.minute) {
    reader.fault(at, `covers no time: from and to are both ${quote(from.text)}`);
    return null;
  }
  const some = <Value>(key: string, read: (field: Field) => Value | null): readonly Value[] | null =>
    reader.optional<readonly Value[] | null>(fields, key, null, (field) => {
      const values = (reader.list(field) ?? []).map(read).filter((value) => value !== null);
      return values.length === 0 ? null : values;
    });
  const months = some("months", (field) => reader.number(field, { min: 1, max: 12, whole: true }));
  const days = some("days", (field) => reader.choice(field, dayTypes));
  return { at, from, to, period, pricePerKwh: price, months, days };
};

const clockText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** Each month and kind of day is covered by the bands that hold in it. */
const checkSeasons = (reader: Reader, at: Field, bands: readonly Band[]): void => {
  if (bands.every(({ months, days }) => months === null && days === null)) {
    checkCover(reader, at, bands, "");
    return;
  }
  for (const day of dayTypes)
    for (let month = 1; month <= 12; month++) {
      const before = reader.faults.length;
      const holding = bands.filter(
        ({ months, days }) => (months?.includes(month) ?? true) && (days?.includes(day) ?? true),
      );
      checkCover(reader, at, holding, ` in month ${month} on a ${day}`);
      // One month that is wrong is enough to name.
      if (reader.faults.length > before) return;
    }
};

/** Every minute of the day belongs to one band; a band may run over midnight. */
const checkCover = (reader: Reader, at: Field, bands: readonly Band[], when: string): void => {
  const owner: (Band | undefined)[] = new Array<Band | undefined>(dayMin).fill(undefined);
  for (const band of bands) {
    const length = (band.to.minute - band.from.minute + dayMin) % dayMin || dayMin;
    let taken: number | null = null;
    for (let step = 0; step < length; step++) {
      const minute = (band.from.minute + step) % dayMin;
      if (owner[minute] !== undefined) taken ??= minute;
      owner[minute] ??= band;
    }
    if (taken !== null)
      reader.fault(band.at, `overlaps another band at ${clockText(taken)}${when}, every time of day has one price`);
  }
  const start = owner.indexOf(undefined);
  if (start < 0) return;
  const after = owner.findIndex((band, minute) => minute > start && band !== undefined);
  reader.fault(at, `no band covers ${clockText(start)} to ${clockText(after < 0 ? dayMin : after)}${when}`);
};

export const readDate =
  (reader: Reader) =>
  (at: Field): string | null => {
    const text = reader.text(at);
    const isDate = text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
    if (text === null || isDate) return text;
    reader.fault(at, `must be a day such as "2026-10-01", got ${quote(text)}`);
    return null;
  };

/** Holidays and worked weekends. */
const readDays = (reader: Reader, fields: Fields): Pick<Tariff, "holidays" | "workdays"> => {
  const dates = (key: string): readonly string[] =>
    reader
      .optional<readonly Field[]>(fields, key, [], reader.list)
      .map(readDate(reader))
      .filter((date) => date !== null);
  const [holidays, workdays] = [dates("holidays"), dates("workdays")];
  return { ...(holidays.length === 0 ? {} : { holidays }), ...(workdays.length === 0 ? {} : { workdays }) };
};

/** The dates between which a tariff of a site holds. */
const readValidity = (reader: Reader, fields: Fields): Pick<Tariff, "validFrom" | "validTo"> => {
  const date = (key: string) => reader.optional<string | null>(fields, key, null, readDate(reader));
  const [validFrom, validTo] = [date("valid_from"), date("valid_to")];
  if (validFrom !== null && validTo !== null && validTo <= validFrom)
    reader.fault(fields.get("valid_to") ?? fields.self, `must be after ${validFrom}, the day it begins to hold`);
  return { ...(validFrom === null ? {} : { validFrom }), ...(validTo === null ? {} : { validTo }) };
};

const bandKeys = ["bands", "holidays", "workdays", "export_price_per_kwh"] as const;

/** Prices by time of day, month and kind of day, of a site or of a version of a plan. */
export const readBands = (
  reader: Reader,
  fields: Fields,
): Pick<Tariff, "bands" | "holidays" | "workdays" | "exportPricePerKwh"> => {
  const list = reader.required(fields, "bands", reader.list);
  const bands = (list ?? []).map((field) => readBand(reader, field));
  const good = bands.filter((band) => band !== null);
  const bandsAt = fields.get("bands");
  if (list !== null && bandsAt !== null && good.length === bands.length) checkSeasons(reader, bandsAt, good);
  return {
    bands: good.map(({ from, to, period, pricePerKwh, months, days }) => ({
      ...{ from: from.text, to: to.text, period, pricePerKwh },
      ...(months === null ? {} : { months }),
      ...(days === null ? {} : { days }),
    })),
    ...readDays(reader, fields),
    exportPricePerKwh: reader.optional(fields, "export_price_per_kwh", 0, (field) => reader.number(field, {})),
  };
};

export const readTariff = (reader: Reader, at: Field, of: TermsOf): Tariff | null => {
  const fields = reader.map(at, ["plan", ...bandKeys, "valid_from", "valid_to", "device", "source"]);
  if (fields === null) return null;
  const device = reader.optional<string | null>(fields, "device", null, (field) =>
    reader.isNone(field) ? null : identifier(reader)(field),
  );
  const planAt = fields.get("plan");
  if (planAt !== null) {
    refuseBeside(reader, fields, [...bandKeys, "valid_from", "valid_to", "source"]);
    const plan = readPlanName(reader, planAt, of);
    if (plan === null) return null;
    const newest = plan.versions.at(-1);
    return {
      bands: plan.versions.flatMap(({ bands }) => bands),
      exportPricePerKwh: newest?.exportPricePerKwh ?? 0,
      ...{ device, source: newest?.source ?? "", plan: plan.id, versions: plan.versions },
    };
  }
  const { bands, exportPricePerKwh, ...days } = readBands(reader, fields);
  const source = reader.optional(fields, "source", "", reader.text);
  return { bands, ...days, ...readValidity(reader, fields), exportPricePerKwh, device, source };
};

export const readCarbon = (reader: Reader, at: Field): CarbonTerms | null => {
  const fields = reader.map(at, [
    "default_g_per_kwh",
    "genset_g_per_kwh",
    "residual_g_per_kwh",
    "default_carbon_free_pct",
    "device",
    "source",
  ]);
  if (fields === null) return null;
  const factor = (field: Field) => reader.number(field, { min: 0, max: 10_000 });
  const defaultG = reader.required(fields, "default_g_per_kwh", factor);
  const unless = (key: string, read: (field: Field) => number | null) =>
    reader.optional<number | null>(fields, key, null, (field) => (reader.isNone(field) ? null : read(field)));
  const gensetG = unless("genset_g_per_kwh", factor);
  const residualG = unless("residual_g_per_kwh", factor);
  const carbonFree = unless("default_carbon_free_pct", (field) => reader.number(field, { min: 0, max: 100 }));
  const device = reader.optional<string | null>(fields, "device", null, (field) =>
    reader.isNone(field) ? null : identifier(reader)(field),
  );
  const source = reader.optional(fields, "source", "", reader.text);
  if (defaultG === null) return null;
  return {
    defaultGPerKwh: defaultG,
    gensetGPerKwh: gensetG,
    residualGPerKwh: residualG,
    defaultCarbonFreePct: carbonFree,
    device,
    source,
  };
};

type Work = ComputeTerms["work"][number];
const workKeys = ["device", "quantity", "unit", "workload", "precision", "origin", "node"] as const;

const readWork = (reader: Reader, at: Field, nodes: readonly SiteNode[]): Work | null => {
  const fields = reader.map(at, workKeys);
  if (fields === null) return null;
  const device = reader.required(fields, "device", identifier(reader));
  const quantity = reader.required(fields, "quantity", (field) => {
    const name = reader.text(field);
    const known = name === null || !quantityPattern.test(name) ? undefined : findQuantity(name);
    if (name === null || (known?.kind === "counter" && name.startsWith("work_"))) return name;
    reader.fault(field, `must be a counter of work such as work_samples, got ${quote(name)}`);
    return null;
  });
  const workload = reader.required(fields, "workload", bothLanguages(reader));
  // kpi.md §3: without workload, precision and boundary a compute-per-watt number is not storable.
  const precision = reader.required(fields, "precision", reader.text);
  const origin = reader.optional(fields, "origin", "measured" as const, (field) => reader.choice(field, origins));
  const node = reader.required(fields, "node", (field) => {
    const id = reader.text(field);
    if (id === null || nodes.some((candidate) => candidate.id === id)) return id;
    reader.fault(field, `unknown node ${quote(id)}, expected the id of a node of this file`);
    return null;
  });
  const unit = reader.optional(
    fields,
    "unit",
    quantity === null ? "1" : (findQuantity(quantity)?.unit ?? "1"),
    reader.text,
  );
  if (device === null || quantity === null || workload === null || precision === null || node === null) return null;
  return { device, quantity, unit, workload, precision, origin, node };
};

export const readCompute = (reader: Reader, at: Field, nodes: readonly SiteNode[]): ComputeTerms | null => {
  const fields = reader.map(at, ["work"]);
  if (fields === null) return null;
  const list = reader.required(fields, "work", reader.list) ?? [];
  const seen = new Set<string>();
  const work: Work[] = [];
  for (const field of list) {
    const item = readWork(reader, field, nodes);
    if (item === null) continue;
    const key = `${item.device}/${item.quantity}`;
    if (seen.has(key)) reader.fault(field, `second declaration of ${key}`);
    seen.add(key);
    work.push(item);
  }
  return { work };
};
