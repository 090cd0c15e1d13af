import type { Alert } from "./alert.ts";

/**
 * What the engine decided, one line of JSON for each transition, in one order: what a run is compared by, byte for byte.
 * Left out is what people say of an alert, the mark of a later restatement, and the wall clock; a transition of nothing
 * else is none. A shelved alert is told as what it would be.
 */
export const judgedLines = (transitions: readonly Alert[]): readonly string[] => {
  const last = new Map<string, { readonly decided: string; readonly alert: Alert }>();
  return transitions
    .flatMap((alert, index) => {
      const decided = JSON.stringify(decisionOf(alert));
      const before = last.get(alert.id);
      last.set(alert.id, { decided, alert });
      if (before !== undefined && (before.decided === decided || isUnshelved(before.alert, alert))) return [];
      const at = alert.changed.site;
      return [{ at, id: alert.id, index, line: `{"at":${at},${decided.slice(1)}` }];
    })
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : a.index - b.index))
    .map(({ line }) => line);
};

/** Its time on the shelf was over, and nothing else was. */
const isUnshelved = (before: Alert, alert: Alert): boolean =>
  before.shelved?.was === alert.state && before.severity === alert.severity && before.occurrences === alert.occurrences;

const decisionOf = (alert: Alert) => {
  const { id, rule, ruleVersion, site, subject, subcode, severity, start, active, returned, closed } = alert;
  const state = alert.shelved?.was ?? alert.state;
  const { inputs, thresholds, shadow, incident, flapping, raised, timeline, occurrences } = alert;
  return {
    ...{ id, rule, ruleVersion, site, subject, subcode, severity, state, start, active, returned, closed },
    ...{ inputs, thresholds, shadow, incident, flapping, raised, timeline, occurrences },
  };
};
