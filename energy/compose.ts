import type { Account, AccountFlag, AccountStep, Balance, JointSums, NodeAccount, Quality, Totals } from "./account.ts";
import type { Window } from "./calendar.ts";
import { closedBalance } from "./closure.ts";
import { leastCoverage } from "./counted.ts";
import { markFrozen } from "./frozen.ts";
import { catalogue } from "./kpi/index.ts";
import { createCoverages, variantsOf } from "./kpi/inputs.ts";
import { jointKey, sumTerms } from "./kpi/result.ts";
import { markGroups, marksOn, qualityWithMarks } from "./mark.ts";
import type { SiteModel } from "./model.ts";
import { worstQuality } from "./node-account.ts";
import { demandPeaks, hasBattery } from "./peak.ts";
import { markSkewed } from "./skew.ts";

const lengthOf = (window: Window): number => window.end - window.start;

/** Over time the known parts add up and the coverage says how much of the window they are; null when none is known. */
const addKnown = (parts: readonly (number | null | undefined)[]): number | null => {
  let sum: number | null = null;
  for (const part of parts) if (part !== null && part !== undefined) sum = (sum ?? 0) + part;
  return sum;
};

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

/** What the accounts of a window say of one node, with their lengths. */
interface Parts {
  readonly nodes: NodeAccount[];
  readonly ms: number[];
}

/** The parts of every node, in the order in which nodes first appear. */
const partsOf = (accounts: readonly Account[]): ReadonlyMap<string, Parts> => {
  const found = new Map<string, Parts>();
  // Accounts of one model list their nodes alike: then the place of a node is known without looking for it.
  const ids: string[] = [];
  const inOrder: Parts[] = [];
  for (const account of accounts) {
    const ms = lengthOf(account);
    const { nodes } = account;
    let place = 0;
    for (const id in nodes) {
      const node = nodes[id];
      if (node === undefined) continue;
      let parts = ids[place] === id ? inOrder[place] : found.get(id);
      if (parts === undefined) {
        parts = { nodes: [], ms: [] };
        found.set(id, parts);
        ids.push(id);
        inOrder.push(parts);
      }
      parts.nodes.push(node);
      parts.ms.push(ms);
      place++;
    }
  }
  return found;
};

/** Figures that only some nodes have stay absent where they are absent everywhere. */
const composeOptional = (nodes: readonly NodeAccount[]): Pick<NodeAccount, "storedWh" | "availableWh" | "check"> => {
  const found: { storedWh?: number | null; availableWh?: number | null; check?: NonNullable<NodeAccount["check"]> } =
    {};
  let check: { registerWh: number; powerWh: number } | null = null;
  for (const node of nodes) {
    const { storedWh, availableWh } = node;
    if (storedWh !== undefined)
      found.storedWh = storedWh === null ? (found.storedWh ?? null) : (found.storedWh ?? 0) + storedWh;
    if (availableWh !== undefined)
      found.availableWh = availableWh === null ? (found.availableWh ?? null) : (found.availableWh ?? 0) + availableWh;
    if (node.check === undefined) continue;
    if (check === null) {
      check = { registerWh: 0, powerWh: 0 };
      found.check = check;
    }
    check.registerWh += node.check.registerWh;
    check.powerWh += node.check.powerWh;
  }
  return found;
};

/** Only the time in which the meters were told apart, so the mean of it and its energy as if it were the whole. */
const composeMeters = ({ nodes, ms: lengths }: Parts): Pick<NodeAccount, "meters"> => {
  if (nodes.every((node) => node.meters === undefined)) return {};
  const parts = nodes.map((node, index) => ({ node, ms: lengths[index] ?? 0 }));
  const told = parts.filter(({ node }) => node.meters !== undefined);
  const count = told[0]?.node.meters?.length ?? 0;
  const toldMs = told.reduce((sum, { ms }) => sum + ms, 0);
  const wholeMs = parts.reduce((sum, { ms }) => sum + ms, 0);
  // A part of the window cannot stand for the rest of it.
  if (count === 0 || toldMs < leastCoverage * wholeMs) return {};
  const meters = Array.from({ length: count }, (_, index) => {
    const netWh = addKnown(told.map(({ node }) => node.meters?.[index]?.netWh));
    return {
      meanW: weightedMean(told.map(({ node, ms }) => ({ value: node.meters?.[index]?.meanW ?? null, weight: ms }))),
      netWh: netWh === null ? null : (netWh * wholeMs) / toldMs,
    };
  });
  return { meters };
};

const noFlags: readonly AccountFlag[] = [];

// One pass over the parts: with an array for each figure this was a third of all accounting.
const composeNode = (parts: Parts, wholeMs: number): NodeAccount => {
  const { nodes } = parts;
  let forwardWh: number | null = null;
  let reverseWh: number | null = null;
  let minW: number | null = null;
  let maxW: number | null = null;
  let powerMs = 0;
  let weights = 0;
  let goodMs = 0;
  let quality: Quality | null = null;
  let flags: Set<AccountFlag> | null = null;
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index];
    const ms = parts.ms[index] ?? 0;
    if (node === undefined) continue;
    if (node.forwardWh !== null) forwardWh = (forwardWh ?? 0) + node.forwardWh;
    if (node.reverseWh !== null) reverseWh = (reverseWh ?? 0) + node.reverseWh;
    if (node.forwardWh !== null && node.reverseWh !== null && quality !== node.quality)
      quality = quality === null ? node.quality : worstQuality([quality, node.quality]);
    if (node.minW !== null) minW = minW === null ? node.minW : Math.min(minW, node.minW);
    if (node.maxW !== null) maxW = maxW === null ? node.maxW : Math.max(maxW, node.maxW);
    // A part whose energy is shared out over a gap still has a mean, by its full length.
    const weight = (node.coverage || 1) * ms;
    if (node.meanW !== null && weight > 0) {
      powerMs += node.meanW * weight;
      weights += weight;
    }
    goodMs += node.coverage * ms;
    if (node.flags.length > 0) {
      flags ??= new Set();
      for (const flag of node.flags) flags.add(flag);
    }
  }
  const coverage = goodMs / wholeMs;
  if (coverage < leastCoverage) flags = (flags ?? new Set<AccountFlag>()).add("COVERAGE_LOW");
  return {
    forwardWh,
    reverseWh,
    meanW: weights > 0 ? powerMs / weights : null,
    minW,
    maxW,
    socPct: nodes.at(-1)?.socPct ?? null,
    ...composeOptional(nodes),
    ...composeMeters(parts),
    coverage,
    quality: quality ?? "INVALID",
    flags: flags === null ? noFlags : [...flags],
  };
};

const composeWork = (accounts: readonly Account[]): Totals["work"] => {
  const work: Record<string, Totals["work"][string]> = {};
  for (const { totals } of accounts) {
    for (const [key, part] of Object.entries(totals.work)) {
      const sum = Object.hasOwn(work, key) ? work[key] : undefined;
      // Work and the energy that bought it are joined: a minute that lacks one of them counts for neither.
      const joined = part.amount !== null && part.energyWh !== null;
      work[key] = {
        amount: addKnown([sum?.amount, joined ? part.amount : null]),
        energyWh: addKnown([sum?.energyWh, joined ? part.energyWh : null]),
      };
    }
  }
  return work;
};

const energyKeys = [
  "importWh",
  "exportWh",
  "renewableWh",
  "gensetWh",
  "chargeWh",
  "dischargeWh",
  "itWh",
  "coolingWh",
  "lossWh",
  "otherWh",
  "loadWh",
  "facilityWh",
  "storedWh",
  "carbonG",
  "cost",
] as const;

const composeTotals = (accounts: readonly Account[]): Totals => {
  const sums = Object.fromEntries(
    energyKeys.map((key) => [key, addKnown(accounts.map(({ totals }) => totals[key]))]),
  ) as Record<(typeof energyKeys)[number], number | null>;
  const parts = (["carbonFreeWh", "availableWh"] as const).filter((key) =>
    accounts.some(({ totals }) => totals[key] !== undefined),
  );
  const optionals = Object.fromEntries(parts.map((key) => [key, addKnown(accounts.map(({ totals }) => totals[key]))]));
  const idle = composeRecord(accounts.map(({ totals }) => totals.idle));
  const batteries = accounts.at(-1)?.totals.batteries;
  const periods = composeRecord(accounts.map(({ totals }) => totals.periods));
  return {
    ...sums,
    ...optionals,
    ...composeMedia(accounts),
    ...(batteries === undefined ? {} : { batteries }),
    ...(idle === null ? {} : { idle }),
    ...(periods === null ? {} : { periods }),
    work: composeWork(accounts),
  };
};

const composeRecord = <Part extends Readonly<Record<string, number | null>>>(
  records: readonly (Readonly<Record<string, Part>> | undefined)[],
): Readonly<Record<string, Part>> | null => {
  if (records.every((record) => record === undefined)) return null;
  const sums: Record<string, Record<string, number | null>> = {};
  for (const record of records)
    for (const [key, part] of Object.entries(record ?? {})) {
      const sum = Object.hasOwn(sums, key) ? sums[key] : undefined;
      sums[key] = Object.fromEntries(
        Object.entries(part).map(([name, value]) => [name, addKnown([sum?.[name], value])]),
      );
    }
  return sums as Readonly<Record<string, Part>>;
};

const composeMedia = (accounts: readonly Account[]): Pick<Totals, "media"> => {
  const parts = accounts.map(({ totals }) => totals.media).filter((media) => media !== undefined);
  if (parts.length === 0) return {};
  const keys = [...new Set(parts.flatMap((media) => Object.keys(media)))];
  const of = (media: Readonly<Record<string, number | null>>, key: string) =>
    Object.hasOwn(media, key) ? media[key] : null;
  return { media: Object.fromEntries(keys.map((key) => [key, addKnown(parts.map((media) => of(media, key)))])) };
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

const composeJoint = (accounts: readonly Account[], model: SiteModel, step: AccountStep): Record<string, JointSums> => {
  const joint: Record<string, JointSums> = {};
  const coverageOf = createCoverages();
  for (const entry of catalogue) {
    for (const variant of variantsOf(entry, model)) {
      const key = jointKey(entry, variant);
      const isAbsent = entry.results === "many" && variant.id === "";
      if (isAbsent || key === null || Object.hasOwn(joint, key)) continue;
      const sum = sumTerms(entry, variant, accounts, model, step === "15m" ? "raw" : "settled", undefined, coverageOf);
      if (sum !== null) joint[key] = sum;
    }
  }
  return joint;
};

/** The account of a longer window from those of its parts, oldest first: sums add, means weigh by time, gaps stay gaps. */
export const composeAccounts = (
  model: SiteModel,
  window: Window & { readonly step: AccountStep },
  accounts: readonly Account[],
): Account => {
  const wholeMs = lengthOf(window);
  // A copy has its keys at once; adding them one by one costs the square of their number.
  const composedNodes: Record<string, NodeAccount> = { ...accounts[0]?.nodes };
  for (const [id, parts] of partsOf(accounts)) composedNodes[id] = composeNode(parts, wholeMs);
  const frozen = markFrozen(model, composedNodes, accounts, { step: window.step, ms: wholeMs });
  const skewed = markSkewed(frozen, accounts, window.step);
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
  const composed: Account = {
    site: model.id,
    step: window.step,
    start: window.start as Account["start"],
    end: window.end as Account["end"],
    revision: 1,
    model: accounts.at(-1)?.model ?? model.revision,
    nodes,
    totals: composeTotals(accounts),
    balance,
    coverage,
    quality:
      valid.length === 0
        ? "INVALID"
        : qualityWithMarks(model, worstQuality(valid.map((account) => account.quality)), nodes),
    flags: [...flags],
    joint: composeJoint(accounts, model, window.step),
    ...(peaks === null ? {} : { demand: peaks }),
    ...(base === null ? {} : { baseDemand: base }),
    ...outdoor,
  };
  const closed = closedBalance(model, composed, accounts);
  return closed.suspect
    ? { ...composed, balance: closed, flags: [...flags, "METER_SUSPECT"] }
    : { ...composed, balance: closed };
};
