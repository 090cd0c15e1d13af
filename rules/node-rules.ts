import type { SiteNode } from "#energy";
import type { AccountFacts, AccountNow } from "./account-facts.ts";
import type { Alert } from "./alert.ts";
import type { Facts } from "./evaluate.ts";
import type { Armed, Judge, Moment } from "./judge.ts";
import type { Lives } from "./lives.ts";
import type { SavedMemory } from "./memory.ts";
import { placesOf } from "./node-plan.ts";
import type { Rule } from "./rule.ts";
import { createScreen, inputOfAbsence, type Screen } from "./screen.ts";
import { isNodeFact } from "./vocabulary.ts";

type SavedMemories = Readonly<Record<string, Readonly<Record<string, SavedMemory>>>>;

/** A rule on nodes with its screen; null where it must be judged node by node. */
export interface Screened extends Armed {
  readonly screen: Screen | null;
}

export const createScreens = (
  rules: readonly Armed[],
  facts: AccountFacts,
  saved: SavedMemories | undefined,
): readonly Screened[] =>
  rules.map((one) => ({
    ...one,
    screen: createScreen({
      ...{ rule: one.rule, nodes: facts.nodes, constant: facts.constant, isNever: facts.isNever },
      saved: saved?.[one.rule.id],
    }),
  }));

/** What the windows in columns remember, by rule. */
export const savedScreens = (screens: readonly Screened[]): SavedMemories =>
  Object.fromEntries(
    screens.flatMap(({ rule, screen }) => (screen === null ? [] : [[rule.id, screen.save()] as const])),
  );

/** Judges the rules on the accounts of nodes: node by node and rule by rule, but only those that could begin an alert or have one. */
export const createNodeRules = ({
  screens,
  facts,
  lives,
  assess,
  find,
}: NodeRulesDeps): ((now: AccountNow, at: Moment) => Alert[]) => {
  const nodePlaces = placesOf(facts.nodes);
  return (now, at) => {
    const worth: number[] = [];
    const outlook = now.outlook();
    for (const [index, { rule, screen }] of screens.entries()) {
      const hit = (node: number): void => void worth.push(node * screens.length + index);
      if (screen === null) for (const node of now.nodes.keys()) hit(node);
      else if (screen.look(at.now, now.column, now.site, hit, outlook)) {
        for (const subject of lives.subjectsOf(rule.id)) {
          const node = nodePlaces.get(subject);
          if (node !== undefined) hit(node);
        }
      }
    }
    const changed: Alert[] = [];
    let before = -1;
    let of: SiteNode | null = null;
    let known: Facts = {};
    for (const work of worth.sort((a, b) => a - b)) {
      const [place, one] = [Math.floor(work / screens.length), screens[work % screens.length]];
      const node = now.nodes[place];
      if (work === before || one === undefined || node === undefined) continue;
      before = work;
      if (one.screen === null) {
        if (node !== of) known = now.node(node);
        of = node;
        changed.push(...assess(one, node.id, known, at));
        continue;
      }
      const inputs = inputsOf(one.rule, now.own(node), now.site);
      changed.push(...find(one, node.id, { ...inputs, ...one.screen.windows(place) }, at));
    }
    return changed;
  };
};

interface NodeRulesDeps extends Pick<Judge, "assess" | "find"> {
  readonly screens: readonly Screened[];
  readonly facts: AccountFacts;
  readonly lives: Lives;
}

const inputsOf = (rule: Rule, own: Facts, site: Facts): Facts => {
  const inputs: Record<string, Facts[string]> = {};
  for (const name of rule.inputs) inputs[name] = (isNodeFact(name) ? own : site)[name] ?? null;
  for (const companion of rule.companions) {
    const of = inputOfAbsence(rule, companion);
    if (of !== null) inputs[companion] = inputs[of] === null;
  }
  return inputs;
};
