import type { SiteModel } from "#energy";
import { type Alert, type Severity, severities } from "./alert.ts";
import { oncePerPlan } from "./node-plan.ts";
import type { Rule, RuleLink, Suppressor } from "./rule.ts";

/** When which alert of a suppressing rule was open, on the site's clock; plain data. */
export type SavedSpans = Readonly<Record<string, readonly Span[]>>;
type Span = readonly [subject: string, id: string, from: number, to: number | null, subcode?: string];

/** How an alert of another rule makes one worse. */
export interface Raise {
  readonly rule: string;
  readonly alert: string;
  readonly to: Severity;
}

/** Which rules are silenced because another alert says what is wrong, and which alerts are worse because of another. */
export interface Suppression {
  note(alert: Alert): void;
  /** Whether an alert of a suppressing rule was open at that time. */
  holds(rule: Rule, subject: string, at: number): boolean;
  /** What makes an alert of the rule worse at that time; null: nothing. */
  raises(rule: Rule, subject: string, subcode: string, at: number): Raise | null;
  save(): SavedSpans;
}

// Accounts are judged when they come, long after the readings while history is loaded: what suppressed them must be
// remembered until then.
const keptMs = 3_600_000;
const keptSpans = 200;

const balancedOf = oncePerPlan(
  (nodes): ReadonlySet<string> =>
    new Set(
      nodes
        .filter(({ counting }) => counting === "counted")
        .flatMap(({ id, points }) => [id, ...points.map(({ device }) => device)]),
    ),
);

export const createSuppression = (model: SiteModel, rules: readonly Rule[], saved: SavedSpans = {}): Suppression => {
  const asked = new Set(rules.flatMap((rule) => linksOf(rule).map((by) => by.rule)));
  const shadows = new Set(rules.filter(({ mode }) => mode === "shadow").map(({ id }) => id));
  const spans = new Map<string, Span[]>(Object.entries(saved).map(([rule, list]) => [rule, [...list]]));
  const above = ancestorsOf(model);
  const balanced = balancedOf(model.nodes);
  /** Spans of alerts that concern the subject. */
  const concerning = (by: RuleLink, rule: Rule, subject: string, isAsked: (span: Span) => boolean): Span | null => {
    // A rule that tells nobody must neither silence one that does, nor make it worse.
    if (shadows.has(by.rule) && rule.mode === "on") return null;
    const found = (spans.get(by.rule) ?? []).find((span) => {
      const [other, , , , subcode] = span;
      if (!isAsked(span)) return false;
      if (by.subcodes !== null && subcode !== undefined && !by.subcodes.includes(subcode)) return false;
      if (by.within === "site" || other === subject) return true;
      if (by.within === "balance") return balanced.has(other);
      if (by.within === "below") return above(other).has(subject);
      return by.within === "above" && above(subject).has(other);
    });
    return found ?? null;
  };
  const holdsBy = (by: Suppressor, rule: Rule, subject: string, at: number): boolean =>
    concerning(by, rule, subject, ([, , from, to]) => {
      if (at < from || (to !== null && at >= to + by.afterS * 1000)) return false;
      return by.forS === null || at < from + by.forS * 1000;
    }) !== null;
  return {
    note(alert) {
      if (!asked.has(alert.rule)) return;
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
    raises(rule, subject, subcode, at) {
      let worst: Raise | null = null;
      for (const by of rule.raisedBy) {
        if (by.own !== null && !by.own.includes(subcode)) continue;
        if (worst !== null && severities.indexOf(by.to) <= severities.indexOf(worst.to)) continue;
        const span = concerning(by, rule, subject, ([, , from, to]) => at >= from && (to === null || at < to));
        if (span !== null) worst = { rule: by.rule, alert: span[1], to: by.to };
      }
      return worst;
    },
    save: () => Object.fromEntries(spans),
  };
};

/** What a rule says of others. */
export const linksOf = ({ suppressedBy, raisedBy }: Rule): readonly RuleLink[] => [...suppressedBy, ...raisedBy];

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

/** Rules in an order in which each comes after those that suppress or raise it, the same list when it is; null when they wait for each other. */
export const inOrder = (rules: readonly Rule[]): readonly Rule[] | null => {
  const placed = new Set<string>();
  const known = new Set(rules.map(({ id }) => id));
  const order: Rule[] = [];
  while (order.length < rules.length) {
    const next = rules.filter(
      (rule) =>
        !placed.has(rule.id) &&
        linksOf(rule).every((by) => by.rule === rule.id || !known.has(by.rule) || placed.has(by.rule)),
    );
    if (next.length === 0) return null;
    for (const rule of next) placed.add(rule.id);
    order.push(...next);
  }
  return order.every((rule, place) => rule === rules[place]) ? rules : order;
};
