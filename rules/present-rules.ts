import type { SiteModel, SiteNode } from "#energy";
import type { Alert } from "./alert.ts";
import { type Facts, fires } from "./evaluate.ts";
import type { Armed, Judge } from "./judge.ts";
import type { Lives } from "./lives.ts";
import { isRemembering } from "./memory.ts";
import { currentMode, type ModeHistory, signsOf, voted, voteOf } from "./mode.ts";
import type { Present } from "./present.ts";
import type { Rule } from "./rule.ts";
import type { Tally } from "./tally.ts";

// reading of a supply ─▶ vote ─▶ supply mode ─▶ the site's rules
// reading of a meter  ─▶ its nodes of several meters ─▶ their rules

/** The rules on what a site and its nodes of several meters are right now. */
export interface PresentRules {
  /** The site after a reading of a device that concerns it. */
  judgeSite(now: number, wall: number): Alert[];
  judgeNode(node: SiteNode, now: number, wall: number): Alert[];
  /** Whether `judgeSite` changes nothing and has nothing to say. */
  isStill(now: number): boolean;
  /** Whether `judgeNode` changes nothing and has nothing to say, whatever its meters read. */
  isMute(node: SiteNode): boolean;
  /** At every full minute: a site that has gone silent is not judged by any reading, and someone must be told. */
  forget(before: number, now: number, wall: number): Alert[];
  readonly watchesMinutes: boolean;
}

interface PresentRulesDeps extends Pick<Judge, "assess"> {
  readonly model: SiteModel;
  readonly siteRules: readonly Armed[];
  readonly nodeRules: readonly Armed[];
  /** The one that knows the supply mode. */
  readonly modeRule: Rule | null;
  readonly present: Present;
  readonly lives: Lives;
  readonly siteTime: (rule: Rule, now: number) => Facts;
  readonly tally: Tally;
  readonly modes: () => ModeHistory;
  readonly setModes: (modes: ModeHistory) => void;
}

const minuteMs = 60_000;
// After an hour of silence another minute of it changes nothing.
const mostMinutes = 60;
/** What a node's rules may read that its meters do not change, where they are not of two sides. */
const fixedInputs: readonly string[] = ["has_sides", "side_a_w", "side_b_w", "node_kind", "has_rating", "rating_w"];

export const createPresentRules = (deps: PresentRulesDeps): PresentRules => {
  const { model, siteRules, nodeRules, modeRule, present, lives, siteTime, tally, assess, modes, setModes } = deps;
  const site = model.id;
  const gridFacts = gridFactsOf(model);
  const watchedRules = siteRules.filter(({ rule }) => rule.blind !== null);
  // Rules that read the mode alone have nothing to say as long as it stays.
  const readsMode =
    modeRule !== null &&
    siteRules.every(
      ({ rule }) => rule.blind === null && !isRemembering(rule) && rule.inputs.every((name) => name === "site_mode"),
    );
  let still: { readonly signs: number; readonly until: number } | null = null;

  const siteFactsAt = (now: number) => ({
    ...present.siteFacts(now),
    ...gridFacts,
    site_mode: currentMode(modes()),
  });
  const factsOf = (rule: Rule, known: Facts, now: number): Facts => ({
    ...siteTime(rule, now),
    ...known,
    ...tally.facts(rule, now),
    ...present.pointFacts(rule, now),
  });

  /** The vote of now is that of later, too: until what was said is too old, or somebody says something else. */
  const settle = (until: number, now: number): void => {
    const vote = currentMode(modes());
    const isSteady = readsMode && voted(modes(), vote, now) === modes() && vote !== "island";
    const isQuiet = (): boolean =>
      siteRules.every(({ rule }) => !lives.has(rule.id, site) && !fires(rule, { site_mode: vote }));
    still = isSteady && isQuiet() ? { signs: present.signs(), until } : null;
  };

  const judgeSite = (now: number, wall: number): Alert[] => {
    const changed: Alert[] = [];
    const at = { now, from: now, gapMs: null, wall };
    const before = modes();
    let until = Number.POSITIVE_INFINITY;
    let isVoted = false;
    if (modeRule !== null) {
      const newest: Present["newest"] = (device, quantity, when, maxAgeMs) => {
        const value = present.newest(device, quantity, when, maxAgeMs);
        if (value !== null) until = Math.min(until, (present.newestAt(device, quantity) ?? 0) + maxAgeMs);
        return value;
      };
      const vote = voteOf(signsOf(model, { newest }, now, modeRule.parameters.nominal_v ?? 230));
      setModes(voted(before, vote, now));
      isVoted = vote === null || vote === currentMode(modes());
    }
    const isChange = modes().changes !== before.changes;
    const known = siteFactsAt(now);
    for (const one of siteRules) changed.push(...assess(one, site, factsOf(one.rule, known, now), at));
    if (isChange && modeRule !== null) keepTimeline(modeRule.id, changed, currentMode(modes()) ?? "", now, wall);
    if (isVoted) settle(until, now);
    else still = null;
    return changed;
  };

  const judgeNode = (node: SiteNode, now: number, wall: number): Alert[] => {
    const known = present.nodeFacts(node, now);
    const at = { now, from: now, gapMs: null, wall };
    return nodeRules.flatMap((one) => assess(one, node.id, { ...siteTime(one.rule, now), ...known }, at));
  };

  const muteNodes = new Map<SiteNode, boolean>();
  const isMuteByPlan = (node: SiteNode): boolean => {
    const known = muteNodes.get(node);
    if (known !== undefined) return known;
    const facts = present.nodeFacts(node, 0);
    const isMute =
      facts.has_sides === false &&
      facts.side_a_w === null &&
      facts.side_b_w === null &&
      nodeRules.every(
        ({ rule }) =>
          !isRemembering(rule) && rule.inputs.every((name) => fixedInputs.includes(name)) && !fires(rule, facts),
      );
    muteNodes.set(node, isMute);
    return isMute;
  };

  /** Each mode of an open incident is a transition of its alert. */
  const keepTimeline = (rule: string, changed: Alert[], mode: string, now: number, wall: number): void => {
    const alert = lives.get([rule, site, "mode"])?.alert ?? changed.findLast((one) => one.rule === rule) ?? null;
    if (alert === null || alert.active === null) return;
    const amend = (one: Alert): Alert => ({
      ...one,
      changed: { wall, site: now },
      timeline: [...(one.timeline ?? []), [now, mode] as const].slice(-50),
    });
    const amended = lives.amend(alert.id, amend);
    const index = changed.findLastIndex((one) => one.id === alert.id);
    if (amended === null) {
      if (index >= 0) changed[index] = amend(alert);
    } else if (index >= 0) changed[index] = amended;
    else changed.push(amended);
  };

  return {
    judgeSite,
    judgeNode,
    isStill: (now) => still !== null && now <= still.until && still.signs === present.signs(),
    isMute: (node) => isMuteByPlan(node) && nodeRules.every(({ rule }) => !lives.has(rule.id, node.id)),
    forget(before, now, wall) {
      if (watchedRules.length === 0) return [];
      const changed: Alert[] = [];
      const first = Math.max(Math.floor(before / minuteMs) + 1, Math.floor(now / minuteMs) - mostMinutes);
      for (let minute = first; minute * minuteMs <= now; minute++) {
        const at = minute * minuteMs;
        const known = siteFactsAt(at);
        for (const one of watchedRules) {
          if (one.rule.blind?.inputs.every((name) => (known[name as keyof typeof known] ?? null) !== null)) continue;
          changed.push(...assess(one, site, factsOf(one.rule, known, at), { now: at, from: at, gapMs: null, wall }));
        }
      }
      return changed;
    },
    watchesMinutes: watchedRules.length > 0,
  };
};

/** What the site file says of its grid connections. */
const gridFactsOf = ({ nodes, contract }: SiteModel): Facts => {
  const points = nodes.filter(({ kind }) => kind === "grid").flatMap((node) => node.points);
  const ratings = points.flatMap(({ ctRatingW }) => (ctRatingW === undefined ? [] : [ctRatingW]));
  return {
    grid_ct_w: ratings.length === 0 ? null : ratings.reduce((sum, rating) => sum + rating, 0),
    contract_export_w: contract?.exportLimitW ?? null,
  };
};
