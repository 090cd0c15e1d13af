import type { Account } from "../account.ts";
import type { NodeKind, SiteModel } from "../model.ts";
import { inKilo, type KpiEntry, type Sums, type Variant } from "./entry.ts";

const counted = (model: SiteModel, keep: (kind: NodeKind) => boolean): readonly string[] =>
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

const hasInsideStorage = (model: SiteModel): boolean =>
  model.nodes.some((node) => node.kind === "battery" && node.counting === "counted" && node.boundary === "inside");

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
};

const subsystems = {
  cooling: { kinds: ["cooling"], total: "coolingWh" },
  power: { kinds: ["ups", "power-chain"], total: "lossWh" },
  misc: { kinds: ["lighting", "misc", "office"], total: "otherWh" },
} as const;

// kpi.md §2.2: partial PUE of a subsystem that shares the same E_IT, so that PUE = 1 + Σ (pPUE − 1).
const ppue: KpiEntry = {
  id: "ppue",
  name: { en: "Partial PUE", "zh-CN": "局部 PUE" },
  formula: "(E_subsystem + E_IT) / E_IT",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "one subsystem and IT",
  range: { min: 1, max: null },
  physicalMin: 1,
  standard: "ISO/IEC 30134-2:2026 (aligned)",
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

export const pueEntries: readonly KpiEntry[] = [pue, ppue];
