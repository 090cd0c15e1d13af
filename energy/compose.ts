import type { Account, AccountFlag, AccountStep, Balance } from "./account.ts";
import type { Window } from "./calendar.ts";
import { closedBalance } from "./closure.ts";
import { leastCoverage } from "./counted.ts";
import { markFrozen } from "./frozen.ts";
import { createJointTerms, type JointTerms } from "./joint.ts";
import { markGroups, marksOn, qualityWithMarks } from "./mark.ts";
import type { SiteModel } from "./model.ts";
import { worstQuality } from "./node-account.ts";
import { createNodeSums, type NodeSums } from "./node-sums.ts";
import { demandPeaks, hasBattery } from "./peak.ts";
import { markSkewed } from "./skew.ts";
import { sumTotals } from "./sum-totals.ts";

const lengthOf = (window: Window): number => window.end - window.start;

const weightedMean = (parts: readonly { readonly value: number | null; readonly weight: number }[]): number | null => {
  let sum = 0;
  let weights = 0;
  for (const { value, weight } of parts) {
    if (value === null || weight <= 0) continue;
    sum += value * weight;
    weights += weight;
  }
  return weights > 0 ? sum / weights : null;
};

const composeBalance = (accounts: readonly Account[], busRatingW: number): Balance => {
  const mean = (key: "supplyW" | "loadW" | "residualW" | "uncertaintyW") =>
    weightedMean(
      accounts
        .filter((account) => account.balance.residualW !== null)
        .map((account) => ({ value: account.balance[key], weight: lengthOf(account) })),
    );
  const uncertaintyW = mean("uncertaintyW");
  return {
    supplyW: mean("supplyW"),
    loadW: mean("loadW"),
    residualW: mean("residualW"),
    uncertaintyW,
    toleranceW: uncertaintyW === null ? null : Math.max(3 * uncertaintyW, 0.005 * busRatingW, 2000),
  };
};

/** What the parts of a window add up to so far: so a day need not wait for its end to be put together. */
export interface Running {
  /** Accounts that are in it, oldest first. */
  readonly count: () => number;
  readonly add: (account: Account) => void;
  readonly nodes: NodeSums;
  readonly joint: JointTerms;
}

export const createRunning = (model: SiteModel, step: AccountStep): Running => {
  const nodes = createNodeSums();
  const joint = createJointTerms(model, step);
  let count = 0;
  return {
    count: () => count,
    add: (account) => {
      nodes.add(account);
      joint.add(account);
      count++;
    },
    nodes,
    joint,
  };
};

/**
 * The account of a longer window from those of its parts, oldest first: sums add, means weigh by time, gaps stay gaps.
 * `running` may hold the first of them already; it is used up.
 */
export const composeAccounts = (
  model: SiteModel,
  window: Window & { readonly step: AccountStep },
  accounts: readonly Account[],
  running: Running = createRunning(model, window.step),
): Account => {
  const wholeMs = lengthOf(window);
  for (let index = running.count(); index < accounts.length; index++) {
    const account = accounts[index];
    if (account !== undefined) running.add(account);
  }
  const composedNodes = running.nodes.finish(wholeMs);
  const frozen = markFrozen(model, composedNodes, accounts, { step: window.step, ms: wholeMs });
  const skewed = markSkewed(frozen, accounts, window.step, running.nodes.lagging);
  const grouped = markGroups(model, skewed, "DATA_FROZEN", "ESTIMATED");
  const nodes = markGroups(model, grouped, "CLOCK_SKEW", "PARTLY_ESTIMATED");
  const coverage = accounts.reduce((sum, account) => sum + account.coverage * lengthOf(account), 0) / wholeMs;
  const flags = new Set<AccountFlag>(
    accounts.flatMap((account) => account.flags.filter((flag) => flag !== "COVERAGE_LOW" && flag !== "BALANCE_OPEN")),
  );
  if (coverage < leastCoverage) flags.add("COVERAGE_LOW");
  for (const mark of marksOn(nodes)) flags.add(mark);
  if (new Set(accounts.map((account) => account.model)).size > 1) flags.add("BOUNDARY_CHANGED");
  const balance = composeBalance(accounts, model.busRatingW);
  flags.delete("METER_SUSPECT");
  if (balance.residualW !== null && balance.toleranceW !== null && Math.abs(balance.residualW) > balance.toleranceW)
    flags.add("BALANCE_OPEN");
  const peaks = demandPeaks(accounts, model);
  const base = hasBattery(model) ? demandPeaks(accounts, model, "base") : null;
  const outdoor = accounts.some(({ outdoorC }) => outdoorC !== undefined)
    ? { outdoorC: weightedMean(accounts.map((one) => ({ value: one.outdoorC ?? null, weight: lengthOf(one) }))) }
    : {};
  const valid = accounts.filter((account) => account.quality !== "INVALID");
  const factors = [...new Set(accounts.flatMap((account) => account.factors ?? []))];
  const composed: Account = {
    site: model.id,
    step: window.step,
    start: window.start as Account["start"],
    end: window.end as Account["end"],
    revision: 1,
    model: accounts.at(-1)?.model ?? model.revision,
    ...(factors.length === 0 ? {} : { factors }),
    nodes,
    totals: sumTotals(accounts),
    balance,
    coverage,
    quality:
      valid.length === 0
        ? "INVALID"
        : qualityWithMarks(model, worstQuality(valid.map((account) => account.quality)), nodes),
    flags: [...flags],
    joint: running.joint.finish(),
    ...(peaks === null ? {} : { demand: peaks }),
    ...(base === null ? {} : { baseDemand: base }),
    ...outdoor,
  };
  const closed = closedBalance(model, composed, accounts);
  return closed.suspect
    ? { ...composed, balance: closed, flags: [...flags, "METER_SUSPECT"] }
    : { ...composed, balance: closed };
};
