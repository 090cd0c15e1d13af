export {
  type Account,
  type AccountFlag,
  type AccountStep,
  accountFlags,
  accountSteps,
  type Balance,
  type JointSums,
  type KpiResult,
  type MeterCheck,
  type NodeAccount,
  type Quality,
  type Totals,
} from "./account.ts";
export { type Driver, drivers } from "./attribution.ts";
export { nodeLimit } from "./balance.ts";
export { startEnergy } from "./book.ts";
export { formatLocal, minuteOfDay, type Window, windowOf, windowsBetween } from "./calendar.ts";
export { type ChangeQuery, explained, type KpiChange } from "./change.ts";
export { advanceOnReading, advanceOnTick, liveLagMs, type SiteClock, startClock } from "./clock.ts";
export { type Commissioning, type Evidence, type KpiReport, type MeterReport, verdicts } from "./commission.ts";
export { commissionSite } from "./commission-read.ts";
export { type EnergySettings, energySchema } from "./config.ts";
export {
  type BillingCycle,
  type CloseCommand,
  type CloseResult,
  type CycleCode,
  type CycleReport,
  cycleCodes,
  cycleOf,
} from "./cycle.ts";
export { closeCycle, listCycles, reportCycle } from "./cycles.ts";
export { type DemandProjection, demandProjection, demandWindows, maxDemand } from "./demand.ts";
export { accountChanges, type Change } from "./difference.ts";
export { draftSite, formatSite, type SiteDraft } from "./draft.ts";
export type {
  AccountQuery,
  AccountRevision,
  Energy,
  EnergyDeps,
  KpiQuery,
  RevisionQuery,
  Trend,
  TrendQuery,
} from "./energy.ts";
export { type Factor, factorAt, factorSchema, factors } from "./factor.ts";
export type { Fault } from "./fields.ts";
export { keptModel } from "./kept-model.ts";
export { catalogue, findKpi, kpiKey, renderCatalogue } from "./kpi/index.ts";
export { type LoadedSites, loadSites } from "./load.ts";
export { loadPlans } from "./load-plans.ts";
export {
  type CarbonTerms,
  type ComputeTerms,
  type CtClass,
  type DeclaredRule,
  type DeclaredRules,
  type DemandTerms,
  type NodeKind,
  type NodeRole,
  nodeKinds,
  type Origin,
  type Point,
  type SiteModel,
  type SiteNode,
  type SiteRule,
  type Tariff,
  type TariffPeriod,
  type Text,
} from "./model.ts";
export type { NodeNow, SiteNow } from "./now.ts";
export { type ImportedList, importPoints } from "./point-list.ts";
export type { ListTerms, RowFault } from "./point-rows.ts";
export { isListColumn, listColumns } from "./point-words.ts";
export { accountOf, coverWindow, readAccounts } from "./query.ts";
export { readReadings } from "./read-readings.ts";
export { type RecomputeDeps, type Recomputed, recomputeAccounts, type Unequal } from "./recompute.ts";
export type { ReportQuery } from "./report/build.ts";
export {
  type FieldQuality,
  type Judged,
  type Report,
  type ReportField,
  type ReportId,
  reportIds,
} from "./report/report.ts";
export { reportTable } from "./report/table.ts";
export { type ParsedSite, parseSite } from "./site.ts";
export { ratioSignature, type Signature, type Suspect, signatureNames, signatures } from "./suspect.ts";
export { bandsOn, demandPriceAt, tariffAt } from "./tariff.ts";
export { modelNow, modelsAfter } from "./validity.ts";
