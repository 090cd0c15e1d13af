import type { Rating } from "../declared.ts";
import type { SiteModel } from "../model.ts";
import { standardRacks } from "../rating.ts";
import { inKilo, type KpiEntry, type Ratio, type Scope, type Sums, type Variant } from "./entry.ts";
import { facilityEnergy, facilityNodes, facilityTerms, itNodes } from "./pue.ts";

// kpi.md §3: every figure names precision and sparsity; nothing is added over precisions.

const ratings = (model: SiteModel): readonly Rating[] => model.declared?.ratings ?? [];
const peaks = (model: SiteModel): readonly Rating[] => ratings(model).filter(({ kind }) => kind === "theoretical_peak");
const precisionOf = ({ precision, sparsity }: Rating): string => `${precision}:${sparsity}`;
const precisions = (rated: readonly Rating[]): readonly string[] => [...new Set(rated.map(precisionOf))];
const total = (rated: readonly Rating[]): number => rated.reduce((sum, { value, count }) => sum + value * count, 0);
const undeclared = (model: SiteModel): readonly string[] =>
  peaks(model).length > 0 ? [] : ["DECLARATION_MISSING:ratings"];
const unknown = (rated: readonly Rating[]): readonly string[] =>
  rated.some(({ precision }) => precision === "UNKNOWN_PRECISION") ? ["UNKNOWN_PRECISION"] : [];
const noNodes = { numerator: [], denominator: [] } as const;

const idOf = ({ node, name, kind, precision, sparsity, benchmark }: Rating): string =>
  [node, name, kind, precision, sparsity, ...(benchmark === null ? [] : [benchmark])].join(":");
const byId = (model: SiteModel, id: string): Rating | undefined => ratings(model).find((rating) => idOf(rating) === id);

const ratedPerWatt: KpiEntry = {
  id: "rated_compute_per_watt",
  name: { en: "Compute per watt, theoretical and benchmark", "zh-CN": "每瓦算力（理论与基准）" },
  formula:
    "Σ rated performance / Σ power at it, chip or node as declared (it); divided by PUE of the window (facility)",
  unit: "GFLOPS/W",
  numUnit: "GFLOPS",
  denUnit: "W",
  boundary: "equipment as declared (it), or with its share of the data centre (facility)",
  range: { min: 0, max: null },
  standard: "own definition; benchmark and version as declared",
  window: "on change; facility: PUE of the window",
  better: "higher",
  results: "many",
  joint: () => "pue",
  missing: (model) => (ratings(model).length > 0 ? [] : ["DECLARATION_MISSING:ratings"]),
  variants: (model) =>
    ratings(model).flatMap((rating): readonly Variant[] => {
      const units = { unit: `${rating.unit}/W`, numUnit: rating.unit };
      const facility = [...facilityNodes(model), ...itNodes(model)];
      return [
        { id: `${idOf(rating)}|it`, ...units, ...noNodes, declared: true },
        { id: `${idOf(rating)}|facility`, ...units, numerator: [], denominator: facility },
      ];
    }),
  terms: (account, model) => ({ ...facilityTerms(account, model), it: inKilo(account.totals.itWh) }),
  ratio: (sums, windowMs, { model, variant }) => {
    const at = variant.id.lastIndexOf("|");
    const rating = byId(model, variant.id.slice(0, at));
    if (rating === undefined) return null;
    const watts = rating.powerW * rating.count;
    const flags = [`POWER_BOUNDARY:${rating.powerBoundary}`, ...unknown([rating])];
    const numerator = rating.value * rating.count;
    if (variant.declared === true) return { numerator, denominator: watts, flags };
    const it = sums.it ?? 0;
    const pue = it > 0 ? facilityEnergy(sums, windowMs) / it : null;
    return pue === null ? null : { numerator, denominator: watts * pue, flags, estimated: true };
  },
};

const benchmarks = (model: SiteModel): readonly Rating[] =>
  ratings(model).filter(({ kind, group }) => kind === "benchmark" && group === "general");
const suiteOf = ({ benchmark, version, unit }: Rating): string => `${benchmark}:${version}:${unit}`;

const iteesv: KpiEntry = {
  id: "iteesv",
  name: { en: "IT equipment energy efficiency for servers", "zh-CN": "服务器能效 ITEEsv" },
  formula: "Σ highest performance / Σ power at it, one benchmark and version for all servers",
  unit: "ops/W",
  numUnit: "ops",
  denUnit: "W",
  boundary: "servers of the inventory",
  range: { min: 0, max: null },
  standard: "ISO/IEC 30134-4:2017 (aligned)",
  window: "on change of assets",
  better: "higher",
  declared: true,
  results: "many",
  missing: (model) => (benchmarks(model).length > 0 ? [] : ["DECLARATION_MISSING:ratings (benchmark, general)"]),
  variants: (model) =>
    [...new Map(benchmarks(model).map((rating) => [suiteOf(rating), rating.unit]))].map(([id, unit]) => ({
      id,
      unit: `${unit}/W`,
      numUnit: unit,
      ...noNodes,
    })),
  terms: () => ({}),
  ratio: (_sums, _windowMs, { model, variant }) => {
    const suite = benchmarks(model).filter((rating) => suiteOf(rating) === variant.id);
    return { numerator: total(suite), denominator: suite.reduce((sum, { powerW, count }) => sum + powerW * count, 0) };
  },
};

const perPrecision = (rated: readonly Rating[]): readonly Variant[] =>
  precisions(rated).map((id) => ({ id, ...noNodes, declared: true }));

const capacity = (
  id: string,
  name: KpiEntry["name"],
  formula: string,
  of: (model: SiteModel) => readonly Rating[],
): KpiEntry => ({
  id,
  name,
  formula,
  unit: "EFLOPS",
  numUnit: "EFLOPS",
  denUnit: "",
  boundary: "installed equipment, theoretical peak",
  range: { min: 0, max: null },
  standard: "算力基础设施高质量发展行动计划 (aligned): total by FP32, intelligent by FP16; never added over precisions",
  window: "on change of assets",
  better: "higher",
  declared: true,
  results: "many",
  missing: (model) => (of(model).length > 0 ? [] : ["DECLARATION_MISSING:ratings"]),
  variants: (model) => perPrecision(of(model)),
  terms: () => ({}),
  ratio: (_sums, _windowMs, { model, variant }) => {
    const rated = of(model).filter((rating) => precisionOf(rating) === variant.id);
    return { numerator: total(rated) / 1e9, denominator: null, flags: unknown(rated) };
  },
});

const ofPrecision = ({ model, variant }: Scope): readonly Rating[] =>
  peaks(model).filter((rating) => precisionOf(rating) === variant.id.split("|")[0]);

const itTerms: KpiEntry["terms"] = ({ totals, start, end }) => ({
  it: inKilo(totals.itWh),
  hours: (end - start) / 3_600_000,
});
const meanItKw = ({ it = 0, hours = 0 }: Sums): number | null => (hours > 0 ? it / hours : null);

// 算效 (kpi.md §3.3): compute of the facility at one precision, usually its theoretical peak, over IT power.
const efficiency: KpiEntry = {
  id: "compute_efficiency",
  name: { en: "Compute efficiency CE", "zh-CN": "算效 CE" },
  formula: "Σ theoretical peak at one precision / mean IT power of the window; CE proper is FP32",
  unit: "GFLOPS/W",
  numUnit: "GFLOPS",
  denUnit: "W",
  boundary: "IT",
  range: { min: 0, max: null },
  standard: "算效 CE, CAICT/ODCC (aligned)",
  window: "month and year",
  better: "higher",
  results: "many",
  joint: () => "it_hours",
  missing: undeclared,
  variants: (model) =>
    precisions(peaks(model)).map((id) => ({
      id,
      numerator: [],
      denominator: itNodes(model),
      factors: [itNodes(model)],
    })),
  terms: itTerms,
  ratio: (sums, _windowMs, scope): Ratio | null => {
    const kw = meanItKw(sums);
    const rated = ofPrecision(scope);
    if (kw === null) return null;
    return { numerator: total(rated), denominator: kw * 1000, flags: ["THEORETICAL_PEAK", ...unknown(rated)] };
  },
};

// 算力碳效 (kpi.md §3.4): texts differ about the way round, so both are given, each with its direction.
const carbonOfCompute: KpiEntry = {
  id: "compute_carbon",
  name: { en: "Carbon efficiency of compute", "zh-CN": "算力碳效" },
  formula:
    "CO2e of the window / installed compute at one precision (lower is better), and its inverse (higher is better)",
  unit: "kgCO2e/TFLOPS",
  numUnit: "kgCO2e",
  denUnit: "TFLOPS",
  boundary: "data centre; installed theoretical peak",
  range: { min: 0, max: null },
  standard: "数据中心算力碳效, ODCC (aligned); direction as labelled",
  window: "calendar year; shown by month",
  results: "many",
  factor: "carbon",
  joint: () => "carbon",
  missing: (model) => [...undeclared(model), ...(model.carbon === null ? ["DECLARATION_MISSING:carbon"] : [])],
  variants: (model) =>
    precisions(peaks(model)).flatMap((id): readonly Variant[] => [
      { id: `${id}|carbon_per_compute`, ...noNodes, better: "lower" },
      {
        id: `${id}|compute_per_carbon`,
        ...noNodes,
        better: "higher",
        unit: "TFLOPS/kgCO2e",
        numUnit: "TFLOPS",
        denUnit: "kgCO2e",
      },
    ]),
  terms: ({ totals }) => ({ carbon: inKilo(totals.carbonG) }),
  ratio: (sums, _windowMs, scope) => {
    const rated = ofPrecision(scope);
    const teraflops = total(rated) / 1000;
    const carbon = sums.carbon ?? 0;
    const flags = ["THEORETICAL_PEAK", ...unknown(rated)];
    return scope.variant.better === "lower"
      ? { numerator: carbon, denominator: teraflops, flags }
      : { numerator: teraflops, denominator: carbon, flags };
  },
};

const racksOf = ({ declared }: SiteModel) => declared?.racks ?? null;
const lacksRacks = (model: SiteModel): readonly string[] =>
  racksOf(model) === null ? ["DECLARATION_MISSING:racks"] : [];
const rackShared = {
  boundary: "racks as declared",
  window: "on change of assets",
  results: "one",
  variants: () => [{ id: "", ...noNodes }],
  terms: () => ({}),
} as const;

const racks: KpiEntry = {
  ...rackShared,
  id: "standard_racks",
  name: { en: "Standard racks", "zh-CN": "标准机架数" },
  formula: "Σ rated rack power / 2.5 kW",
  unit: "rack",
  numUnit: "rack",
  denUnit: "",
  range: { min: 0, max: null },
  standard: "发改高技〔2025〕320号 annex 1 (aligned)",
  declared: true,
  missing: lacksRacks,
  ratio: (_sums, _windowMs, { model }) => ({
    numerator: standardRacks(racksOf(model)?.groups ?? []),
    denominator: null,
  }),
};

const countRatio = (
  id: string,
  name: KpiEntry["name"],
  formula: string,
  [top, bottom]: readonly ["inUse" | "installed", "installed" | "designed"],
): KpiEntry => ({
  ...rackShared,
  id,
  name,
  formula,
  unit: "1",
  numUnit: "rack",
  denUnit: "rack",
  range: { min: 0, max: 1 },
  standard: "工信厅联节函〔2025〕279号 annex 1 (aligned)",
  better: "higher",
  declared: true,
  missing: (model) => [
    ...lacksRacks(model),
    ...[top, bottom].flatMap((key) => {
      const known = racksOf(model);
      return known !== null && known[key] === null ? [`DECLARATION_MISSING:racks.${key}`] : [];
    }),
  ],
  ratio: (_sums, _windowMs, { model }) => {
    const known = racksOf(model);
    const [numerator, denominator] = [known?.[top] ?? null, known?.[bottom] ?? null];
    return numerator === null || denominator === null ? null : { numerator, denominator };
  },
});

const itLoadRate: KpiEntry = {
  id: "it_load_rate",
  name: { en: "IT load rate", "zh-CN": "IT 负荷使用率" },
  formula: "mean IT power / Σ rated rack power",
  unit: "1",
  numUnit: "kW",
  denUnit: "kW",
  boundary: "IT against racks as declared",
  range: { min: 0, max: null },
  standard: "工信厅联节函〔2025〕279号 annex 1 (aligned)",
  window: "calendar year; shown by month",
  better: "higher",
  results: "one",
  joint: () => "it_hours",
  missing: lacksRacks,
  variants: (model) => [{ id: "", numerator: itNodes(model), denominator: [], factors: [itNodes(model)] }],
  terms: itTerms,
  ratio: (sums, _windowMs, { model }) => {
    const kw = meanItKw(sums);
    const rated = (racksOf(model)?.groups ?? []).reduce((sum, { count, ratedKw }) => sum + count * ratedKw, 0);
    return kw === null ? null : { numerator: kw, denominator: rated };
  },
};

const idle: KpiEntry = {
  id: "allocated_idle",
  name: { en: "Accelerators allocated but idle", "zh-CN": "已分配空闲的加速器能耗占比" },
  formula: "E_node while allocated and utilisation below the limit / E_node while allocated",
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "node with its accelerators, utilisation as it reports it",
  range: { min: 0, max: 1 },
  standard: "own definition, per minute",
  window: "day and week",
  better: "lower",
  results: "many",
  denominatorOf: "device",
  missing: (model) => ((model.declared?.idle ?? []).length > 0 ? [] : ["DECLARATION_MISSING:idle"]),
  lacks: (_account, { id }) => [`POINT_MISSING:${id}:allocated or util_pct`],
  variants: (model) =>
    (model.declared?.idle ?? []).map(({ node }) => ({ id: node, numerator: [node], denominator: [node] })),
  terms: ({ totals }, _model, { id }) => {
    const known = totals.idle !== undefined && Object.hasOwn(totals.idle, id) ? totals.idle[id] : undefined;
    return { idle: inKilo(known?.idleWh), allocated: inKilo(known?.allocatedWh) };
  },
  ratio: (sums) => ({ numerator: sums.idle ?? 0, denominator: sums.allocated ?? 0 }),
};

export const ratedEntries: readonly KpiEntry[] = [
  ratedPerWatt,
  iteesv,
  efficiency,
  carbonOfCompute,
  capacity(
    "total_compute",
    { en: "Total compute", "zh-CN": "总算力" },
    "Σ theoretical peak of all equipment, per precision and sparsity",
    peaks,
  ),
  capacity(
    "intelligent_compute",
    { en: "Intelligent compute", "zh-CN": "智能算力" },
    "Σ theoretical peak of accelerators, per precision and sparsity",
    (model) => peaks(model).filter(({ group }) => group === "intelligent"),
  ),
  racks,
  countRatio("rack_use", { en: "Rack use", "zh-CN": "上架率" }, "racks in use / racks installed", [
    "inUse",
    "installed",
  ]),
  countRatio(
    "rack_build_out",
    { en: "Racks installed of design", "zh-CN": "机架建成率" },
    "racks installed / racks designed",
    ["installed", "designed"],
  ),
  itLoadRate,
  idle,
];
