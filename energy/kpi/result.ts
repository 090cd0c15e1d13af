import type { Account, AccountFlag, JointSums, KpiResult, Quality } from "../account.ts";
import { nodeLimit } from "../balance.ts";
import { formatLocal, type Window } from "../calendar.ts";
import { leastCoverageOf } from "../counted.ts";
import { factorsOver } from "../factor.ts";
import type { SiteModel } from "../model.ts";
import { worstQuality } from "../node-account.ts";
import { versionsIn } from "../tariff.ts";
import type { KpiEntry, Scope, Sums, Variant } from "./entry.ts";
import { inputsOf, nodesOf, resolutionOf } from "./inputs.ts";
import { isDeclared, sumTerms } from "./term-sum.ts";

// kpi.md §1.7: 1 kWh or three steps of the register. Under 15 minutes the 1 kWh shrinks with the window (4 kW of mean
// power), so that a small site has live values; a longer window keeps the full 1 kWh.
const leastKwh = 1;
const fullFloorMs = 900_000;
// An idle server draws less than 4 kW and its zero work must show as zero, not as a gap: thirty steps are known to 3 %.
const deviceSteps = 30;

const denominatorFloor = (entry: KpiEntry, variant: Variant, model: SiteModel, windowMs: number): number => {
  if (entry.denominatorOf === "count") return Number.MIN_VALUE;
  const resolutionWh = resolutionOf(variant, model);
  if (entry.denominatorOf === "device") return Math.max((deviceSteps * resolutionWh) / 1000, Number.MIN_VALUE);
  return Math.max(leastKwh * Math.min(1, windowMs / fullFloorMs), (3 * resolutionWh) / 1000);
};

/**
 * The energy of some nodes, kWh, and its variance: each meter's class limit at its load in every account, rectangular.
 * One meter errs the same way all the time, so its errors add over time; those of several meters are independent.
 */
export const measuredEnergy = (ids: readonly string[], accounts: readonly Account[], model: SiteModel): Measured => {
  let energy = 0;
  let variance = 0;
  for (const node of nodesOf(model, ids)) {
    let limitKwh = 0;
    for (const account of accounts) {
      const part = Object.hasOwn(account.nodes, node.id) ? account.nodes[node.id] : undefined;
      if (part === undefined || part.forwardWh === null || part.reverseWh === null) continue;
      const moved = part.forwardWh + part.reverseWh;
      const hours = (account.end - account.start) / 3_600_000;
      energy += (part.forwardWh - part.reverseWh) / 1000;
      limitKwh += ((nodeLimit(node, moved / hours) / 100) * moved) / 1000;
    }
    variance += limitKwh ** 2 / 3;
  }
  return { energy, variance };
};

interface Measured {
  readonly energy: number;
  readonly variance: number;
}

/** k = 2, relative, of a product or quotient of energies measured independently (TV-UNC-2). Null without energy. */
export const relativeUncertainty = (factors: readonly Measured[]): number | null => {
  let sum = 0;
  for (const { energy, variance } of factors) sum += variance / energy ** 2;
  return Number.isFinite(sum) ? 2 * Math.sqrt(sum) : null;
};

const lacking = (entry: KpiEntry, variant: Variant, model: SiteModel): readonly string[] => {
  const missing = entry.missing?.(model, variant) ?? [];
  const nobody = entry.results === "many" && variant.id === "" && missing.length === 0;
  return nobody ? [entry.absent ?? "NOT_APPLICABLE"] : missing;
};

/** A figure of the site file holds over the whole window. */
const declaredSums = (windowMs: number, missing: readonly string[]): JointSums | null =>
  missing.length > 0 ? null : { goodMs: windowMs, terms: {} };

const yearMs = 365 * 86_400_000;

const describe = (entry: KpiEntry, windowMs: number): string =>
  entry.id === "pue" && windowMs < yearMs ? `${entry.standard}, interval PUE` : entry.standard;

/** Every factor that the numerator may have used: the device's word, and the dated factor or default behind it. */
const factorsOf = (
  entry: KpiEntry,
  model: SiteModel,
  window: Window,
  flags: ReadonlySet<string>,
): Pick<KpiResult, "factors"> => {
  const terms = entry.factor === undefined ? null : model[entry.factor];
  if (terms === null) return {};
  if (entry.factor === "tariff") {
    const { tariff } = model;
    const fed =
      tariff === null || tariff.device === null ? [] : [{ id: `tariff:${tariff.device}`, version: "as published" }];
    const used = tariff?.versions === undefined ? [] : versionsIn(tariff.versions, window, model.timeZone);
    if (tariff?.plan !== undefined)
      return {
        factors: [
          ...fed,
          ...used.map((version) => ({ id: `tariff:${tariff.plan}`, version: `${version.validFrom ?? "…"}` })),
        ],
      };
  }
  const id = entry.factorUse === "residual" ? model.declared?.factors.residual : model.declared?.factors.grid;
  const dated = entry.factor === "carbon" && id !== undefined ? factorsOver(id, window) : [];
  const fellBack = flags.has("FACTOR_DEFAULT") || terms.device === null || entry.factorUse === "residual";
  const named = { id: `${entry.factor}:${terms.device ?? "site file"}`, version: terms.source || model.revision };
  const behind = fellBack ? dated.map((factor) => ({ id: factor.id, version: factor.revision })) : [];
  return {
    factors:
      behind.length > 0 && (terms.device === null || entry.factorUse === "residual") ? behind : [named, ...behind],
  };
};

/** One variant of one KPI over accounts of a window: a ratio of sums with the whole envelope of kpi.md §1.7. */
export const kpiResult = (
  entry: KpiEntry,
  variant: Variant,
  accounts: readonly Account[],
  model: SiteModel,
  window: Window,
): KpiResult => {
  const windowMs = window.end - window.start;
  const flags = new Set<string>();
  const used: { account: Account; terms: Sums }[] = [];
  let heldMs = 0;
  let revision = 0;
  const qualities: Quality[] = [];
  const declared = isDeclared(entry, variant);
  const missing = lacking(entry, variant, model);
  for (const flag of missing) flags.add(flag);
  const summed = missing.length > 0 ? [] : accounts;
  const inside = entry.folds ? accounts.filter(({ start }) => start >= window.start) : accounts;
  for (const account of inside) {
    heldMs += account.end - account.start;
    revision = Math.max(revision, account.revision);
  }
  if (declared && missing.length === 0) flags.add("DECLARED");
  const joint = declared
    ? declaredSums(windowMs, missing)
    : sumTerms(entry, variant, summed, model, "settled", (account, terms) => {
        const parts = inputsOf(account, variant, model);
        for (const flag of parts.flags) flags.add(flag);
        if (terms === null) {
          missingFlags(entry, account, variant, flags);
          return;
        }
        used.push({ account, terms });
        if (parts.quality !== null) qualities.push(parts.quality);
      });
  for (const flag of ["FACTOR_DEFAULT", "FACTOR_NOT_VALID", "CARBON_MISSING", "PRICE_MISSING"] as const)
    if (accounts.some((account) => account.flags.includes(flag)) && concerns(entry, flag)) flags.add(flag);
  const good = entry.folds && joint !== null ? sumTerms(entry, variant, inside, model, "settled") : joint;
  const coverage = Math.min(1, (good?.goodMs ?? 0) / windowMs);
  if (coverage < leastCoverageOf(windowMs)) flags.add("COVERAGE_LOW");
  const models = new Set(accounts.map((account) => account.model));
  if (models.size > 1 || accounts.some((account) => account.flags.includes("BOUNDARY_CHANGED")))
    flags.add("BOUNDARY_CHANGED");

  const figures = evaluate(entry, variant, joint?.terms ?? null, used, model, window, flags, heldMs === 0);
  const derived: Quality[] = declared || figures.estimated ? ["ESTIMATED"] : [];
  const worst = worstQuality([...derived, ...qualities.filter((quality) => quality !== "INVALID")]);
  const better = variant.better ?? entry.better;
  return {
    kpi: entry.id,
    ...(variant.id === "" ? {} : { variant: variant.id }),
    standard: describe(entry, windowMs),
    value: figures.value,
    unit: variant.unit ?? entry.unit,
    numerator: figures.numerator,
    denominator: figures.denominator,
    numUnit: variant.numUnit ?? entry.numUnit,
    denUnit: variant.denUnit ?? entry.denUnit,
    window: {
      start: formatLocal(window.start, model.timeZone),
      end: formatLocal(window.end, model.timeZone),
      tz: model.timeZone,
      complete: heldMs >= windowMs,
    },
    boundaryId: `${model.id}@${accounts.at(-1)?.model ?? model.revision}`,
    coverage,
    ...(figures.uncertainty === null ? {} : { uncertainty: figures.uncertainty }),
    quality: figures.valid ? worst : "INVALID",
    flags: [...flags],
    revision,
    ...(better === undefined ? {} : { better }),
    ...factorsOf(entry, model, window, flags),
  };
};

const concerns = (entry: KpiEntry, flag: AccountFlag): boolean =>
  flag === "PRICE_MISSING" ? entry.factor === "tariff" : entry.factor === "carbon";

/** Says what a window lacked: `MISSING:<node>` for meters, or the flag of the account that names it. */
const missingFlags = (entry: KpiEntry, account: Account, variant: Variant, flags: Set<string>): void => {
  for (const id of new Set([...variant.numerator, ...variant.denominator])) {
    const node = Object.hasOwn(account.nodes, id) ? account.nodes[id] : undefined;
    if (node === undefined || node.forwardWh === null || node.reverseWh === null) flags.add(`MISSING:${id}`);
  }
  for (const flag of entry.lacks?.(account, variant) ?? []) flags.add(flag);
  if (entry.id === "compute_per_watt" && account.flags.includes("WORK_MISSING")) flags.add("WORK_MISSING");
};

interface Figures {
  readonly value: number | null;
  readonly numerator: number | null;
  readonly denominator: number | null;
  readonly uncertainty: number | null;
  readonly valid: boolean;
  readonly estimated: boolean;
}

const evaluate = (
  entry: KpiEntry,
  variant: Variant,
  sums: Sums | null,
  parts: Scope["parts"],
  model: SiteModel,
  window: Window,
  flags: Set<string>,
  hasNothing: boolean,
): Figures => {
  const windowMs = window.end - window.start;
  const accounts = parts.map(({ account }) => account);
  const scope = { accounts, parts, model, variant, window };
  const ratio = sums === null ? null : entry.ratio(sums, windowMs, scope);
  for (const flag of ratio?.flags ?? []) flags.add(flag);
  const estimated = ratio?.estimated === true;
  const none = { value: null, uncertainty: null, valid: false, estimated };
  if (ratio === null || !Number.isFinite(ratio.numerator)) {
    flags.add("NO_DATA");
    if (hasNothing) flags.add("MISSING:accounts of this window");
    return { ...none, numerator: null, denominator: null };
  }
  const { numerator, denominator } = ratio;
  const least = isDeclared(entry, variant) ? Number.MIN_VALUE : denominatorFloor(entry, variant, model, windowMs);
  if (denominator !== null && !(denominator >= least && Number.isFinite(denominator))) {
    flags.add("DENOMINATOR_LOW");
    return { ...none, numerator, denominator: Number.isFinite(denominator) ? denominator : null };
  }
  const value = denominator === null ? numerator : numerator / denominator;
  const factors = variant.factors?.map((ids) => measuredEnergy(ids, accounts, model)) ?? [];
  const relative = factors.length === 0 ? null : relativeUncertainty(factors);
  const uncertainty = relative === null ? null : Math.abs(value) * relative;
  const valid = inRange(entry, variant.range ?? entry.range, value, uncertainty ?? 0, flags);
  const { min: usualMin = -Infinity, max: usualMax = Infinity } = entry.usual ?? {};
  const outside = flags.has("BELOW_PHYSICAL_MIN") || flags.has("OUT_OF_RANGE");
  const isUnusual = !outside && (value < usualMin || value > usualMax);
  if (isUnusual && entry.quiet?.(sums ?? {}, windowMs, model) !== true) flags.add("UNUSUAL");
  return { value, numerator, denominator, uncertainty, valid, estimated };
};

// Sums of a month of minutes differ from the whole by rounding: a flat load has a load factor of 1.000 000 000 1.
const rounding = 1e-9;

/** A value is never clamped: outside its range it is kept, flagged and INVALID; within its uncertainty, flagged only. */
const inRange = (
  entry: KpiEntry,
  { min, max }: KpiEntry["range"],
  value: number,
  uncertainty: number,
  flags: Set<string>,
): boolean => {
  if (min !== null && value < min - rounding) {
    flags.add(entry.physicalMin === undefined ? "OUT_OF_RANGE" : "BELOW_PHYSICAL_MIN");
    return value >= min - uncertainty;
  }
  if (max === null || value <= max + rounding) return true;
  flags.add("OUT_OF_RANGE");
  return value <= max + uncertainty;
};
