export { type Alert, type AlertState, alertStates, type Severity, severities } from "./alert.ts";
export { type RulesCode, rulesCodes } from "./codes.ts";
export { type RulesSettings, rulesSchema } from "./config.ts";
export type {
  AcknowledgeCommand,
  AlertQuery,
  AssignCommand,
  CommandResult,
  CommentCommand,
  LevelSummary,
  RuleSummary,
  Rules,
  RulesDeps,
  RulesMessage,
  Timers,
} from "./rules.ts";
