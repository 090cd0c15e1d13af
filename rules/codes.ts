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
  "RULES_SILENCE_UNKNOWN",
  "RULES_SILENCE_OVER",
  "RULES_CHANNEL_UNKNOWN",
  "RULES_NOTIFY_FAILED",
  "RULES_NOBODY_ON_DUTY",
  "RULES_SCHEDULE_FAILED",
] as const;
export type RulesCode = (typeof rulesCodes)[number];
