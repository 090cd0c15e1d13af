/** Why a command was refused or a rule file is faulty. Codes are API: never renamed. */
export const rulesCodes = [
  "RULES_ALERT_UNKNOWN",
  "RULES_ALERT_PENDING",
  "RULES_ALERT_CLOSED",
  "RULES_ALREADY_ACKNOWLEDGED",
  "RULES_COMMAND_INVALID",
  "RULES_FILE_INVALID",
  "RULES_FOLLOW_FAILED",
  "RULES_COMMIT_FAILED",
  "RULES_PUBLISH_FAILED",
  "RULES_ROW_INVALID",
] as const;
export type RulesCode = (typeof rulesCodes)[number];
