// An alert's life as one line of events: transitions, and what people did about it.
import type { Alert, AlertState, Severity } from "#lib/wire.ts";

export interface Moment {
  readonly at: number;
  readonly kind: "state" | "severity" | "ack" | "assign" | "comment" | "restated";
  readonly state: AlertState;
  readonly severity: Severity;
  readonly by: string;
  readonly text: string;
  /** What the rule saw then; empty for what people did. */
  readonly inputs: Alert["inputs"];
  readonly thresholds: Alert["thresholds"];
}

const none = { inputs: {}, thresholds: {}, by: "", text: "" } as const;

/** Every revision against the one before, oldest first. */
export const timelineOf = (history: readonly Alert[]): Moment[] => {
  const moments: Moment[] = [];
  let before: Alert | null = null;
  for (const alert of history) {
    const { state, severity } = alert;
    const seen = { inputs: alert.inputs, thresholds: alert.thresholds };
    const at = alert.changed.site;
    if (before === null || before.state !== state)
      moments.push({ ...none, ...seen, at, kind: "state", state, severity });
    else if (before.severity !== severity) moments.push({ ...none, ...seen, at, kind: "severity", state, severity });
    const ack = alert.acknowledged;
    if (ack !== null && ack.at !== before?.acknowledged?.at)
      moments.push({ ...none, at: ack.at, kind: "ack", state, severity, by: ack.by, text: ack.reason });
    if (alert.assignee !== (before?.assignee ?? null))
      moments.push({ ...none, at: alert.changed.wall, kind: "assign", state, severity, text: alert.assignee ?? "" });
    for (const comment of alert.comments.slice(before?.comments.length ?? 0))
      moments.push({ ...none, at: comment.at, kind: "comment", state, severity, by: comment.by, text: comment.text });
    if (alert.restated && before?.restated !== true)
      moments.push({ ...none, ...seen, at: alert.changed.wall, kind: "restated", state, severity });
    before = alert;
  }
  return moments.sort((a, b) => a.at - b.at);
};
