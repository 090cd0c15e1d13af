import type { Rule, RuleLink } from "./rule.ts";
import { findPlaces, type RuleFault } from "./rule-places.ts";
import { blindSubcode, gatewaySubcode, groupSubcode } from "./rule-shape.ts";
import { linksOf } from "./suppress.ts";

/** Faults in what rules say of each other (`suppressed_by`, `raised_by`), each with its place. Opens nothing. */
export const linkFaults = (rules: readonly Rule[], of: readonly Rule[] = rules): readonly RuleFault[] => {
  const known = new Map(rules.map((rule) => [rule.id, rule]));
  const faults = of.flatMap((rule) => {
    const places = linkPlaces(rule).flatMap(([path, link]) =>
      messagesOf(rule, link, known).map(([key, message]) => ({ path: [...path, key], message })),
    );
    if (places.length === 0) return [];
    const { fault } = findPlaces(rule.source, rule.file);
    return places.map(({ path, message }) => fault(path, message));
  });
  return faults.length > 0 ? faults : of.flatMap((rule) => circleOf(rule, known));
};

const linkPlaces = ({
  suppressedBy,
  raisedBy,
}: Rule): readonly (readonly [path: readonly string[], link: RuleLink])[] => [
  ...suppressedBy.map((link, index) => [["suppressed_by", String(index)], link] as const),
  ...raisedBy.map((link, index) => [["raised_by", String(index)], link] as const),
];

const messagesOf = (
  rule: Rule,
  link: RuleLink,
  known: ReadonlyMap<string, Rule>,
): readonly (readonly [key: string, message: string])[] => {
  const other = known.get(link.rule);
  if (other === undefined)
    return [["rule", `there is no rule "${link.rule}", expected one of ${[...known.keys()].sort().join(", ")}`]];
  if (other.id === rule.id) return [["rule", `"${link.rule}" is this rule itself, expected another`]];
  // A minute is judged when it is over, and later still while history is loaded: a reading cannot wait for it.
  if (rule.on === "reading" && other.on === "account")
    return [["rule", `${other.id} is judged minute by minute, expected a rule on: reading, as this one is`]];
  const subcodes = subcodesOf(other);
  const strange = link.subcodes?.filter((one) => !subcodes.includes(one)) ?? [];
  return strange.map((one) => [
    "subcodes",
    `${other.id} has no subcode "${one}", expected one of ${subcodes.join(", ")}`,
  ]);
};

const subcodesOf = ({ levels, group, blind }: Rule): readonly string[] => [
  ...new Set(levels.map(({ subcode }) => subcode)),
  ...(group === null ? [] : [groupSubcode]),
  ...(group?.gateway ? [gatewaySubcode] : []),
  ...(blind === null ? [] : [blindSubcode]),
];

/** Rules that wait for each other have no order in which to judge them. */
const circleOf = (rule: Rule, known: ReadonlyMap<string, Rule>): readonly RuleFault[] => {
  const circle = wayBack(rule.id, rule, known, []);
  if (circle === null) return [];
  const { fault } = findPlaces(rule.source, rule.file);
  const first = linkPlaces(rule).find(([, link]) => link.rule === circle[1]);
  return [fault([...(first?.[0] ?? []), "rule"], `goes round in a circle: ${circle.join(" → ")}`)];
};

const wayBack = (
  to: string,
  from: Rule,
  known: ReadonlyMap<string, Rule>,
  way: readonly string[],
): readonly string[] | null => {
  for (const { rule: id } of linksOf(from)) {
    if (id === to) return [...way, from.id, id];
    const next = known.get(id);
    if (next === undefined || way.includes(from.id)) continue;
    const found = wayBack(to, next, known, [...way, from.id]);
    if (found !== null) return found;
  }
  return null;
};

/** Rules whose alerts silence these or make them worse, with theirs; and the one that knows the supply mode. */
export const companionsOf = (tried: readonly Rule[], rules: readonly Rule[]): readonly Rule[] => {
  const isTried = (id: string): boolean => tried.some((rule) => rule.id === id);
  const wanted = new Set<string>();
  const want = (one: Rule): void => {
    for (const { rule: id } of linksOf(one)) {
      const other = rules.find((each) => each.id === id);
      if (other === undefined || wanted.has(id) || isTried(id)) continue;
      wanted.add(id);
      want(other);
    }
  };
  for (const rule of tried) want(rule);
  return rules.filter(({ id, inputs }) => !isTried(id) && (wanted.has(id) || inputs.includes("site_mode")));
};
