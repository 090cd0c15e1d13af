import type { Account } from "../account.ts";
import type { NodeKind, SiteModel } from "../model.ts";
import { sumKnown } from "../node-account.ts";
import { inKilo, type KpiEntry, type Sums, type Variant } from "./entry.ts";

/** Counted and metered nodes of some kinds. */
export const counted = (model: SiteModel, keep: (kind: NodeKind) => boolean): readonly string[] =>
  model.nodes
    .filter((node) => node.counting === "counted" && node.points.length > 0 && keep(node.kind))
    .map((node) => node.id);

const loads: readonly NodeKind[] = ["it", "cooling", "ups", "power-chain", "lighting", "misc", "office"];

/** Nodes whose meters make E_DC: supply, and storage where it hands energy to the data centre. */
export const facilityNodes = (model: SiteModel): readonly string[] =>
  model.nodes
    .filter((node) => node.counting === "counted" && node.points.length > 0 && !loads.includes(node.kind))
    .filter((node) => node.kind !== "battery" || node.boundary === "outside")
    .map((node) => node.id);

export const itNodes = (model: SiteModel): readonly string[] => counted(model, (kind) => kind === "it");
export const loadNodes = (model: SiteModel): readonly string[] => counted(model, (kind) => loads.includes(kind));

const stores = new WeakMap<SiteModel["nodes"], boolean>();
const hasInsideStorage = ({ nodes }: SiteModel): boolean => {
  let known = stores.get(nodes);
  if (known === undefined) {
    known = nodes.some(
      ({ kind, counting, boundary }) => kind === "battery" && counting === "counted" && boundary === "inside",
    );
    stores.set(nodes, known);
  }
  return known;
};

const yearMs = 365 * 86_400_000;

// kpi.md §2.1: over a month the swing of the state of charge no longer matters.
const settledMs = 30 * 86_400_000;

/** E_DC of a window, less what storage inside the boundary gained when the window is short. */
export const facilityEnergy = (sums: Sums, windowMs: number): number =>
  (sums.facility ?? 0) - (windowMs < settledMs ? (sums.stored ?? 0) : 0);

export const facilityTerms = (
  account: Account,
  model: SiteModel,
): { facility: number | null; stored: number | null } => ({
  facility: inKilo(account.totals.facilityWh),
  stored: hasInsideStorage(model) ? inKilo(account.totals.storedWh) : 0,
});

// ISO/IEC 30134-2, kpi.md §2.1.
const pue: KpiEntry = {
  id: "pue",
  usual: { min: 1.02, max: 3 },
  name: { en: "Power usage effectiveness", "zh-CN": "电能利用效率 PUE" },
  formula:
    "E_DC / E_IT; E_DC = import − export + renewables + generators (+ discharge − charge of storage outside; − gain of storage inside, under 30 days)",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "data centre, IT at the category's point",
  range: { min: 1, max: null },
  physicalMin: 1,
  standard: "ISO/IEC 30134-2:2026 (aligned)",
  window: "12 months; shorter is interval PUE: 15 min, day, month",
  better: "lower",
  results: "one",
  variants: (model): readonly Variant[] => [
    {
      id: `cat${model.pueCategory}`,
      numerator: facilityNodes(model),
      denominator: itNodes(model),
      factors: [facilityNodes(model), itNodes(model)],
    },
  ],
  terms: (account, model) => ({ ...facilityTerms(account, model), it: inKilo(account.totals.itWh) }),
  ratio: (sums, windowMs) => ({ numerator: facilityEnergy(sums, windowMs), denominator: sums.it ?? 0 }),
  // Overhead weighs heavily on a hall that is hardly used: nothing unusual.
  quiet: ({ it = 0 }, windowMs, model) => {
    const design = model.declared?.design ?? null;
    return design !== null && (it * 3_600_000) / windowMs <= leastDesignShare * design.itLoadKw;
  },
};

const leastDesignShare = 0.2;

// kpi.md §4.4, TV-AGG-1: the weighting of (EU) 2024/1364 annex IV is a third number beside the ratio of sums and the mean.
const energyWeighted: KpiEntry = {
  ...pue,
  id: "pue_energy_weighted",
  name: { en: "Mean of hourly PUE weighted by energy", "zh-CN": "按总能耗加权的小时 PUE 均值" },
  formula: "Σ_h E_DC × PUE_h / Σ_h E_DC; weighted as annex IV does over data centres, not to be filed as PUE",
  standard: "(EU) 2024/1364 annex IV weighting (aligned), over the hours of one site",
  window: "calendar year; shown by day and month",
  terms: (account, model) => ({ ...facilityTerms(account, model), it: inKilo(account.totals.itWh) }),
  // An hour without IT energy has no PUE: it counts on neither side.
  hourly: ({ facility = 0, stored = 0, it = 0 }) => {
    const energy = facility - stored;
    return it > 0 ? { energy, weighted: (energy * energy) / it } : { energy: 0, weighted: 0 };
  },
  ratio: ({ weighted = 0, energy = 0 }) => ({ numerator: weighted, denominator: energy }),
  quiet: () => false,
};

const subsystems = {
  cooling: { kinds: ["cooling"], total: "coolingWh" },
  power: { kinds: ["ups", "power-chain"], total: "lossWh" },
  misc: { kinds: ["lighting", "misc", "office"], total: "otherWh" },
} as const;

// kpi.md §2.2: partial PUE of a subsystem that shares the same E_IT, so that PUE = 1 + Σ (pPUE − 1).
const ppue: KpiEntry = {
  id: "ppue",
  usual: { max: 2.5 },
  name: { en: "Partial PUE", "zh-CN": "局部 PUE" },
  formula: "(E_subsystem + E_IT) / E_IT",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "one subsystem and IT",
  range: { min: 1, max: null },
  physicalMin: 1,
  standard: "ISO/IEC 30134-2:2026 (aligned)",
  window: "12 months; shorter as PUE",
  better: "lower",
  results: "many",
  variants: (model) =>
    Object.entries(subsystems).map(([id, { kinds }]) => {
      const infra = counted(model, (kind) => (kinds as readonly NodeKind[]).includes(kind));
      const both = [...infra, ...itNodes(model)];
      return { id, numerator: both, denominator: itNodes(model), factors: [both, itNodes(model)] };
    }),
  terms: ({ totals }, _model, { id }) => ({
    infra: inKilo(totals[subsystems[id as keyof typeof subsystems].total]),
    it: inKilo(totals.itWh),
  }),
  ratio: (sums) => ({ numerator: (sums.infra ?? 0) + (sums.it ?? 0), denominator: sums.it ?? 0 }),
};

const points = { "1": "MP.UPS.OUT", "2": "MP.PDU.OUT", "3": "MP.IT.IN" } as const;
type Category = keyof typeof points;
const categoryOf = ({ id }: Variant): Category => id.slice(3) as Category;

/** Nodes that carry E_IT at a category's point; null when the site file names none. */
const categoryNodes = (model: SiteModel, category: Category): readonly string[] | null =>
  model.declared?.puePoints[category] ?? (String(model.pueCategory) === category ? itNodes(model) : null);

// kpi.md §2.1: PUE1 ≤ PUE2 ≤ PUE3 of one site, because distribution losses move out of E_IT.
const byCategory: KpiEntry = {
  ...pue,
  id: "pue_category",
  name: { en: "PUE by category", "zh-CN": "分类 PUE（1–3 类）" },
  formula: "E_DC / E_IT with E_IT at UPS output (1), PDU output (2) or IT input (3)",
  results: "many",
  variants: (model) =>
    (Object.keys(points) as Category[]).map((category) => {
      const it = categoryNodes(model, category) ?? [];
      const facility = facilityNodes(model);
      return { id: `cat${category}`, numerator: facility, denominator: it, factors: [facility, it] };
    }),
  missing: (model, variant) =>
    categoryNodes(model, categoryOf(variant)) === null
      ? [`POINT_MISSING:${points[categoryOf(variant)]}`, `DECLARATION_MISSING:pue_points.${variant.id}`]
      : [],
  terms: (account, model, { denominator }) => ({
    ...facilityTerms(account, model),
    it: sumKnown(
      denominator.map((id) => {
        const node = Object.hasOwn(account.nodes, id) ? account.nodes[id] : undefined;
        const unknown = node === undefined || node.forwardWh === null || node.reverseWh === null;
        return unknown ? null : (node.forwardWh - node.reverseWh) / 1000;
      }),
    ),
  }),
};

const interim: KpiEntry = {
  ...pue,
  id: "ipue",
  name: { en: "Interim PUE", "zh-CN": "期间 PUE（iPUE）" },
  formula: "PUE over less than twelve months, with its start and end",
  window: "under twelve months, as stated",
  joint: () => "pue",
  ratio: (sums, windowMs, scope) => {
    const ratio = pue.ratio(sums, windowMs, scope);
    return ratio === null ? null : { ...ratio, flags: windowMs < yearMs ? [] : ["TWELVE_MONTHS:use_pue"] };
  },
};

const designed: KpiEntry = {
  ...pue,
  id: "dpue",
  name: { en: "Designed PUE", "zh-CN": "设计 PUE（dPUE）" },
  formula: "of the design model at a stated IT load and climate; never mixed with measured values",
  numUnit: "kW",
  denUnit: "kW",
  window: "none: of the design",
  declared: true,
  variants: () => [{ id: "", numerator: [], denominator: [] }],
  missing: (model) => ((model.declared?.design ?? null) === null ? ["DECLARATION_MISSING:design"] : []),
  terms: () => ({}),
  ratio: (_sums, _windowMs, { model }) => {
    const design = model.declared?.design ?? null;
    if (design === null) return null;
    return {
      numerator: design.pue * design.itLoadKw,
      denominator: design.itLoadKw,
      flags: [`DESIGN_CLIMATE:${design.climate.en}`],
    };
  },
};

/** E_DC and its metered parts, over the minutes in which all are known: what the change of a PUE is told from. */
export const overheadTerms = (account: Account, model: SiteModel) => ({
  ...facilityTerms(account, model),
  it: inKilo(account.totals.itWh),
  cooling: inKilo(account.totals.coolingWh),
  loss: inKilo(account.totals.lossWh),
  other: inKilo(account.totals.otherWh),
});

const unaccounted: KpiEntry = {
  id: "unaccounted_share",
  window: "any, as stated; day and month shown",
  name: { en: "Energy that no meter explains", "zh-CN": "未计量能耗占比" },
  formula: "(E_DC − gain of storage inside − IT − cooling − power chain − other) / E_DC",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "data centre: supply meters against load meters",
  range: { min: null, max: 1 },
  standard: "own definition",
  results: "one",
  variants: (model) => {
    const facility = facilityNodes(model);
    return [{ id: "", numerator: [...facility, ...loadNodes(model)], denominator: facility }];
  },
  terms: overheadTerms,
  ratio: ({ facility = 0, stored = 0, it = 0, cooling = 0, loss = 0, other = 0 }) => ({
    numerator: facility - stored - it - cooling - loss - other,
    denominator: facility,
  }),
};

export const pueEntries: readonly KpiEntry[] = [pue, energyWeighted, byCategory, interim, designed, ppue, unaccounted];
