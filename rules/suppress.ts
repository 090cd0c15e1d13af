import type { SiteModel } from "#energy";
import type { Alert } from "./alert.ts";
import type { Rule, Suppressor } from "./rule.ts";

/** When which alert of a suppressing rule was open, on the site's clock; plain data. */
export type SavedSpans = Readonly<Record<string, readonly Span[]>>;
type Span = readonly [subject: string, id: string, from: number, to: number | null, subcode?: string];

/** Which rules are silenced because another alert says what is wrong. */
export interface Suppression {
  note(alert: Alert): void;
  /** Whether an alert of a suppressing rule was open at that time. */
  holds(rule: Rule, subject: string, at: number): boolean;
  save(): SavedSpans;
}

// Accounts are judged when they come, long after the readings while history is loaded: what suppressed them must be
// remembered until then.
const keptMs = 3_600_000;
const keptSpans = 200;

export const createSuppression = (model: SiteModel, rules: readonly Rule[], saved: SavedSpans = {}): Suppression => {
  const suppressors = new Set(rules.flatMap((rule) => rule.suppressedBy.map((by) => by.rule)));
  const shadows = new Set(rules.filter(({ mode }) => mode === "shadow").map(({ id }) => id));
  const spans = new Map<string, Span[]>(Object.entries(saved).map(([rule, list]) => [rule, [...list]]));
  const above = ancestorsOf(model);
  const balanced = new Set(
    model.nodes
      .filter(({ counting }) => counting === "counted")
      .flatMap(({ id, points }) => [id, ...points.map(({ device }) => device)]),
  );
  const holdsBy = (by: Suppressor, rule: Rule, subject: string, at: number): boolean => {
    // A rule that tells nobody must not silence one that does.
    if (shadows.has(by.rule) && rule.mode === "on") return false;
    return (spans.get(by.rule) ?? []).some(([other, , from, to, subcode]) => {
      if (at < from || (to !== null && at >= to + by.afterS * 1000)) return false;
      if (by.forS !== null && at >= from + by.forS * 1000) return false;
      if (by.subcodes !== null && subcode !== undefined && !by.subcodes.includes(subcode)) return false;
      if (by.within === "site" || other === subject) return true;
      if (by.within === "balance") return balanced.has(other);
      return by.within === "above" && above(subject).has(other);
    });
  };
  return {
    note(alert) {
      if (!suppressors.has(alert.rule)) return;
      const list = spans.get(alert.rule) ?? [];
      const index = list.findIndex(([, id, , to]) => id === alert.id && to === null);
      const isOpen = alert.state === "ACTIVE" || alert.state === "CLEARING" || alert.state === "UNKNOWN";
      const now = alert.changed.site;
      if (isOpen && index < 0) list.push([alert.subject, alert.id, now, null, alert.subcode]);
      const before = list[index];
      if (!isOpen && alert.state !== "SHELVED" && before !== undefined)
        list[index] = [before[0], before[1], before[2], now, alert.subcode];
      spans.set(
        alert.rule,
        list.filter(([, , , to], at) => to === null || to > now - keptMs || at >= list.length - keptSpans),
      );
    },
    holds: (rule, subject, at) =>
      rule.suppressedBy.length > 0 && rule.suppressedBy.some((by) => holdsBy(by, rule, subject, at)),
    save: () => Object.fromEntries(spans),
  };
};

/** The nodes above a node or device, its own node included. */
const ancestorsOf = (model: SiteModel) => {
  let parents: ReadonlyMap<string, string | null> | null = null;
  const found = new Map<string, ReadonlySet<string>>();
  return (subject: string): ReadonlySet<string> => {
    const known = found.get(subject);
    if (known !== undefined) return known;
    parents ??= new Map(model.nodes.map(({ id, parent }) => [id, parent]));
    const above = new Set(
      model.nodes.filter(({ points }) => points.some(({ device }) => device === subject)).map(({ id }) => id),
    );
    if (parents.has(subject)) above.add(subject);
    for (const start of [subject, ...above])
      for (let at = parents.get(start) ?? null; at !== null && !above.has(at); at = parents.get(at) ?? null)
        above.add(at);
    // The alert about a feed may be about its meter.
    for (const { id, points } of model.nodes) {
      if (!above.has(id)) continue;
      for (const { device, gateway } of points) above.add(device).add(gateway ?? device);
    }
    // One alert may stand for every device of a gateway, or of the site.
    above.add(model.id);
    found.set(subject, above);
    return above;
  };
};

/** Rules in an order in which each comes after those that suppress it, the same list when it is; null when they wait for each other. */
export const inOrder = (rules: readonly Rule[]): readonly Rule[] | null => {
  const placed = new Set<string>();
  const known = new Set(rules.map(({ id }) => id));
  const order: Rule[] = [];
  while (order.length < rules.length) {
    const next = rules.filter(
      (rule) =>
        !placed.has(rule.id) &&
        rule.suppressedBy.every((by) => by.rule === rule.id || !known.has(by.rule) || placed.has(by.rule)),
    );
    if (next.length === 0) return null;
    for (const rule of next) placed.add(rule.id);
    order.push(...next);
  }
  return order.every((rule, place) => rule === rules[place]) ? rules : order;
};
