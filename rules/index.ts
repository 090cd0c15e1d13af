export { type Alert, type AlertState, alertStates, isTold, type Severity, severities } from "./alert.ts";
export {
  type BacktestCommand,
  type BacktestResult,
  createBacktestDesk,
  type RejudgeCommand,
  type RejudgeResult,
} from "./backtest/desk.ts";
export { type Capsule, capsuleOf } from "./capsule/capsule.ts";
export { type CapsuleReplay, replayCapsule } from "./capsule/replay.ts";
export { type Catalogue, loadCatalogue } from "./catalogue.ts";
export { type RulesCode, rulesCodes } from "./codes.ts";
export { type RulesSettings, rulesSchema } from "./config.ts";
export { startRules } from "./engine.ts";
export { formatHead, type Head, parseHead } from "./evidence/chain.ts";
export { type Evidence, headTopic, openEvidence } from "./evidence/evidence.ts";
export { type Verdict, verifyEvidence } from "./evidence/verify.ts";
export { alertHash } from "./hash.ts";
export { judgedLines } from "./judged.ts";
export { siteModes } from "./mode.ts";
export type { Delivery } from "./notify/delivery.ts";
export { loadNotifyPlan } from "./notify/load.ts";
export { type ChannelView, type DeliveryQuery, type Notify, type NotifyDeps, startNotify } from "./notify/notify.ts";
export type { Silence, SilenceView } from "./notify/silences.ts";
export { openPast } from "./past/past.ts";
export { type WasteKey, wasteKeys } from "./past/rank.ts";
export type { Permit } from "./permit.ts";
export {
  type AlarmQuality,
  alarmQuality,
  type QualityTerms,
} from "./quality/alarm-quality.ts";
export { alertsForQuality } from "./quality/standing.ts";
export { parseRule, type Rule } from "./rule.ts";
export type { RuleFault } from "./rule-places.ts";
export { ruleJsonSchema } from "./rule-shape.ts";
export type {
  AcknowledgeCommand,
  AlertQuery,
  AssignCommand,
  ClosePermitCommand,
  CommandResult,
  CommentCommand,
  LevelSummary,
  OpenPermitCommand,
  PermitDesk,
  PermitResult,
  RuleSummary,
  Rules,
  RulesDeps,
  RulesMessage,
  ShelveCommand,
  Timers,
  UnshelveCommand,
} from "./rules.ts";
export { canonical, createRun, type Happening, type RuleRun, type RunDeps } from "./run.ts";
export { declaredRule } from "./site-rules.ts";
export type { Supply } from "./supply.ts";
export type { SavedWatch } from "./watch.ts";
