import type { SiteModel } from "#energy";
import type { Ledger } from "#store";
import { transitionsOf } from "../backtest/transitions.ts";
import type { Rule } from "../rule.ts";
import { createTally, type SavedTally } from "../tally.ts";
import { rememberedFacts } from "../vocabulary.ts";
import type { Learned } from "./learned.ts";
import { learnedBefore } from "./rows.ts";

// The longest month, and alerts of the month before that stood until this one.
const monthMs = 62 * 86_400_000;

// It is written down twice a day: a longer way is not worth the warm-up.
const longestGapMs = 2 * 86_400_000;

/** How often rules that count by the month became active in it before `at`, as it was recorded. */
export const tallyBefore = async (
  ledger: Pick<Ledger, "list" | "history">,
  model: SiteModel,
  rules: readonly Rule[],
  at: number,
): Promise<SavedTally> => {
  const counting = rules.filter(({ inputs }) => inputs.includes("month_events"));
  if (counting.length === 0) return {};
  const asked = new Set(counting.map(({ id }) => id));
  const tally = createTally(model, counting);
  const seen = new Set<string>();
  const past = await transitionsOf(ledger, { site: model.id, from: at - monthMs, to: at, rules: asked });
  for (const alert of past.toSorted((a, b) => a.changed.site - b.changed.site)) {
    // What was done to it later is no coming of its own.
    const coming = `${alert.id}/${alert.occurrences}`;
    if (alert.changed.site >= at || seen.has(coming)) continue;
    seen.add(coming);
    tally.note(alert);
  }
  return tally.save();
};

/** What a site had learned when its past is to be judged from the middle, and where to begin: where that was written down. */
export const lessonOf = async (
  ledger: Pick<Ledger, "list" | "get" | "history">,
  model: SiteModel,
  rules: readonly Rule[],
  warmUpFrom: number,
): Promise<{ readonly learned: Learned | null; readonly tally: SavedTally; readonly warmUpFrom: number }> => {
  const isAsked = rules.some(({ inputs }) => inputs.some((name) => rememberedFacts.includes(name)));
  const known = isAsked ? await learnedBefore(ledger, model.id, warmUpFrom) : null;
  const learned = known !== null && known.to >= warmUpFrom - longestGapMs ? known : null;
  const begin = learned?.to ?? warmUpFrom;
  return { learned, tally: await tallyBefore(ledger, model, rules, begin), warmUpFrom: begin };
};
