export {
  type Account,
  type AccountFlag,
  type AccountStep,
  accountFlags,
  accountSteps,
  type Balance,
  type KpiResult,
  type NodeAccount,
  type Quality,
  type Totals,
} from "./account.ts";
export {
  type CarbonTerms,
  type ComputeTerms,
  type CtClass,
  type DemandTerms,
  type NodeKind,
  type NodeRole,
  nodeKinds,
  type Origin,
  type Point,
  type SiteModel,
  type SiteNode,
  type Tariff,
  type TariffPeriod,
  type Text,
} from "./model.ts";
export type { NodeNow, SiteNow } from "./now.ts";
