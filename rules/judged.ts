import type { Alert } from "./alert.ts";

/**
 * What the engine decided, one line of JSON for each transition, in one order: what a run is compared by, byte for byte.
 * Left out is what people say of an alert, the mark of a later restatement, and the wall clock; a transition of nothing
 * else is none.
 */
export const judgedLines = (transitions: readonly Alert[]): readonly string[] => {
  const last = new Map<string, string>();
  return transitions
    .flatMap((alert, index) => {
      const decided = JSON.stringify(decisionOf(alert));
      if (last.get(alert.id) === decided) return [];
      last.set(alert.id, decided);
      const at = alert.changed.site;
      return [{ at, id: alert.id, index, line: `{"at":${at},${decided.slice(1)}` }];
    })
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : a.index - b.index))
    .map(({ line }) => line);
};

const decisionOf = (alert: Alert) => {
  const { id, rule, ruleVersion, site, subject, subcode, severity, state, start, active, returned, closed } = alert;
  const { inputs, thresholds, shadow, incident, flapping, timeline, occurrences } = alert;
  return {
    ...{ id, rule, ruleVersion, site, subject, subcode, severity, state, start, active, returned, closed },
    ...{ inputs, thresholds, shadow, incident, flapping, timeline, occurrences },
  };
};
