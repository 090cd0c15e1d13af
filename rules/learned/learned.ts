import type { AccountFactsState } from "../account-facts.ts";
import { createRun, type RuleRun, type RunDeps } from "../run.ts";
import type { SavedTally } from "../tally.ts";
import type { SavedWatch } from "../watch.ts";

// what was recorded ─ learned until a minute ─┐
// warm-up ─▶ watch ─ that minute is reached ──┴─▶ the watch goes on as if it had seen all of it

/** What the rules of a site learned over weeks and no warm-up holds: ramps, loads, PUE baseline, sums of month and year, room. Plain data. */
export interface Learned {
  /** Of all accounts up to here, on the site's clock. */
  readonly to: number;
  readonly facts: LearnedFacts;
}

type LearnedFacts = Pick<AccountFactsState, "ramp" | "load" | "baseline" | "year" | "month"> & {
  readonly room: Omit<NonNullable<AccountFactsState["room"]>, "inlets"> | null;
};

/** null before the first account. */
export const learnedOf = ({ accountedTo, facts }: SavedWatch): Learned | null => {
  if (accountedTo === null) return null;
  const { ramp, load = {}, baseline, year, month, room = null } = facts;
  const { inlets: _, ...ofRoom } = room ?? { inlets: [] };
  return {
    to: accountedTo,
    facts: {
      ...{ ramp, load, baseline, year },
      ...(month === undefined ? {} : { month }),
      room: room === null ? null : (ofRoom as LearnedFacts["room"]),
    },
  };
};

const taught = (saved: SavedWatch, { to, facts: { room, ...facts } }: Learned): SavedWatch => ({
  ...saved,
  accountedTo: Math.max(saved.accountedTo ?? 0, to),
  // What was learned holds them already.
  waiting: saved.waiting.filter(({ account }) => account.end > to),
  facts: {
    ...{ ...saved.facts, ...facts },
    ...(room === null ? {} : { room: { ...room, inlets: saved.facts.room?.inlets ?? [] } }),
  },
});

/**
 * A run that begins in the middle of a site's history: with the counts of the month so far, and, once its warm-up reaches
 * the minute until which something was learned, with that.
 */
export const createTaughtRun = (
  deps: RunDeps,
  site: string,
  { learned, tally }: { readonly learned: Learned | null; readonly tally: SavedTally },
): RuleRun & { settle(): void } => {
  const again = (change: (saved: SavedWatch) => SavedWatch): void => {
    const saved = run.watches.get(site)?.save();
    if (saved !== undefined) run = createRun({ ...deps, saved: () => change(saved) });
  };
  let run = createRun(deps);
  if (Object.keys(tally).length > 0) again((saved) => ({ ...saved, tally }));
  let waits = learned;
  const teach = (): void => {
    const now = waits;
    waits = null;
    if (now !== null) again((saved) => taught(saved, now));
  };
  return {
    get watches() {
      return run.watches;
    },
    take(happening) {
      if (waits !== null && happening.kind === "account" && happening.account.start >= waits.to) teach();
      return run.take(happening);
    },
    hear: (stretch, place) => run.hear(stretch, place),
    /** No account came after that minute. */
    settle: teach,
  };
};
