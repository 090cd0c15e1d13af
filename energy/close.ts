import type { Account, AccountFlag, AccountStep, Balance, NodeAccount, Totals } from "./account.ts";
import { type BusPower, balance, defaultSkewS } from "./balance.ts";
import type { Window } from "./calendar.ts";
import { carbonFreeShare, carbonFreshMs, type Factor, gridFactor, supplyCarbon } from "./carbon.ts";
import { closedBalance, isOpenBalance } from "./closure.ts";
import { countedNodes, leastCoverage } from "./counted.ts";
import { batteriesOf, idleOf, mediaOf, outdoorOf, periodsOf, serversOf } from "./extras.ts";
import { factorAt } from "./factor.ts";
import { countBetween } from "./meter.ts";
import type { CarbonTerms, NodeKind, SiteModel, SiteNode } from "./model.ts";
import {
  accountNode,
  addChildren,
  gapOf,
  type SamplesByPoint,
  sampleKey,
  sumKnown,
  type WindowLimits,
  worstQuality,
} from "./node-account.ts";
import { plainNodes } from "./plain-node.ts";
import { valueAt } from "./power.ts";
import { withSentinels } from "./sentinel.ts";
import { withLag } from "./skew.ts";
import { energyCost, planVersionAt, priceAt, priceFreshMs, tariffAt } from "./tariff.ts";

const net = (account: NodeAccount | undefined): number | null =>
  account === undefined || account.forwardWh === null || account.reverseWh === null
    ? null
    : account.forwardWh - account.reverseWh;

type NodeAccounts = Readonly<Record<string, NodeAccount>>;

const energyTotals = (model: SiteModel, nodes: NodeAccounts) => {
  const counted = countedNodes(model);
  const of = (...kinds: NodeKind[]) => counted.filter((node) => kinds.includes(node.kind));
  // None of a kind is zero; one of a kind without figures makes the total unknown.
  const add = (members: readonly SiteNode[], pick: (account: NodeAccount | undefined) => number | null) =>
    members.length === 0 ? 0 : sumKnown(members.map((node) => pick(nodes[node.id])));
  const forward = (account: NodeAccount | undefined) => account?.forwardWh ?? null;
  const reverse = (account: NodeAccount | undefined) => account?.reverseWh ?? null;
  const it = of("it");
  const loads = counted.filter((node) => node.role === "load");
  const outside = of("battery").filter((node) => node.boundary === "outside");
  const foreign = add(
    loads.filter((node) => node.boundary === "outside"),
    net,
  );
  const totals = {
    importWh: add(of("grid"), forward),
    exportWh: add(of("grid"), reverse),
    renewableWh: add(of("pv", "wind"), net),
    gensetWh: add(of("genset"), net),
    chargeWh: add(of("battery"), reverse),
    dischargeWh: add(of("battery"), forward),
    itWh: it.length === 0 ? null : add(it, net),
    coolingWh: add(of("cooling"), net),
    lossWh: add(of("ups", "power-chain"), net),
    otherWh: add(
      of("lighting", "misc", "office").filter((node) => node.boundary === "inside"),
      net,
    ),
    loadWh: loads.length === 0 ? null : add(loads, net),
  };
  // kpi.md §2.1: storage outside the boundary hands over what it discharges, storage inside is overhead.
  const taken = foreign === null ? null : -foreign;
  const exported = totals.exportWh === null ? null : -totals.exportWh;
  const facilityWh = sumKnown([
    totals.importWh,
    exported,
    totals.renewableWh,
    totals.gensetWh,
    add(outside, net),
    taken,
  ]);
  return { ...totals, facilityWh };
};

const storedEnergy = (model: SiteModel, window: Window, samples: SamplesByPoint): number | null => {
  const inside = countedNodes(model).filter((node) => node.kind === "battery" && node.boundary === "inside");
  const gains = inside.map((node) => {
    const point = node.points.find((candidate) => candidate.soc !== null);
    if (point === undefined || point.soc === null || node.capacityWh === null) return null;
    const soc = samples.get(sampleKey(point.device, point.soc));
    const before = valueAt(soc, window.start, gapOf(point.intervalMs));
    const after = valueAt(soc, window.end, gapOf(point.intervalMs));
    return before === null || after === null ? null : ((after - before) / 100) * node.capacityWh;
  });
  return inside.length === 0 ? 0 : sumKnown(gains);
};

const reading = (samples: SamplesByPoint, device: string | null, quantity: string, ts: number, freshMs: number) =>
  device === null ? null : valueAt(samples.get(sampleKey(device, quantity)), ts, freshMs);

/** The dated factor that the site names, otherwise its own default; null when the dated one does not hold then. */
const defaultFactor = (model: SiteModel, carbon: CarbonTerms, ts: number, used: Set<string>): Factor | null => {
  const id = model.declared?.factors.grid;
  if (id === undefined) return gridFactor(carbon, null);
  const found = factorAt(id, ts);
  if (!found.ok) return null;
  used.add(`${id}@${found.factor.revision}`);
  return { gPerKwh: found.factor.value, by: "default" };
};

const carbonOf = (
  model: SiteModel,
  window: Window,
  samples: SamplesByPoint,
  energy: { importWh: number | null; gensetWh: number | null },
  flags: Set<AccountFlag>,
  used: Set<string>,
): number | null => {
  const { carbon } = model;
  if (carbon === null) {
    flags.add("CARBON_MISSING");
    return null;
  }
  const fresh = reading(samples, carbon.device, "carbon_g_per_kwh", window.start, carbonFreshMs);
  const factor = fresh === null ? defaultFactor(model, carbon, window.start, used) : gridFactor(carbon, fresh);
  if (factor === null) {
    flags.add("FACTOR_NOT_VALID").add("CARBON_MISSING");
    return null;
  }
  if (factor.by === "default") flags.add("FACTOR_DEFAULT");
  if (energy.importWh === null || energy.gensetWh === null) return null;
  const grams = supplyCarbon(energy.importWh, energy.gensetWh, factor.gPerKwh, carbon.gensetGPerKwh ?? null);
  if (grams === null) flags.add("CARBON_MISSING");
  return grams;
};

const carbonFreeOf = (
  model: SiteModel,
  window: Window,
  samples: SamplesByPoint,
  importWh: number | null,
  flags: Set<AccountFlag>,
): { readonly carbonFreeWh?: number | null } => {
  const { carbon } = model;
  if (carbon === null || (carbon.device === null && (carbon.defaultCarbonFreePct ?? null) === null)) return {};
  const free = carbonFreeShare(carbon, reading(samples, carbon.device, "carbon_free_pct", window.start, carbonFreshMs));
  if (free?.by === "default") flags.add("FACTOR_DEFAULT");
  if (importWh === 0) return { carbonFreeWh: 0 };
  return { carbonFreeWh: importWh === null || free === null ? null : importWh * free.share };
};

const availableOf = (model: SiteModel, nodes: NodeAccounts): { readonly availableWh?: number | null } => {
  const renewables = countedNodes(model).filter(({ kind }) => kind === "pv" || kind === "wind");
  const said = renewables.map((node) => nodes[node.id]?.availableWh);
  if (said.every((wh) => wh === undefined)) return {};
  return { availableWh: sumKnown(said.map((wh) => wh ?? null)) };
};

const costOf = (
  model: SiteModel,
  window: Window,
  samples: SamplesByPoint,
  energy: { importWh: number | null; exportWh: number | null },
  flags: Set<AccountFlag>,
  used: Set<string>,
): Pick<Totals, "cost" | "periods"> => {
  const { tariff } = model;
  const price =
    tariff === null
      ? null
      : priceAt(
          tariff,
          window.start,
          model.timeZone,
          reading(samples, tariff.device, "price_per_kwh", window.start, priceFreshMs),
        );
  if (tariff === null || price === null) {
    flags.add("PRICE_MISSING");
    return { cost: null };
  }
  const periods = periodsOf(price, energy);
  const version = planVersionAt(tariff, window.start, model.timeZone);
  if (version !== null) used.add(version);
  // A device's price is known on days of which the plan says nothing; what is sold then is not.
  const exportPrice = tariffAt(tariff, window.start, model.timeZone)?.exportPricePerKwh ?? null;
  if (energy.importWh === null || energy.exportWh === null) return { cost: null, ...periods };
  if (exportPrice === null && energy.exportWh > 0) {
    flags.add("PRICE_MISSING");
    return { cost: null, ...periods };
  }
  return { cost: energyCost(energy.importWh, energy.exportWh, price.perKwh, exportPrice ?? 0), ...periods };
};

const workOf = (
  model: SiteModel,
  window: Window,
  samples: SamplesByPoint,
  nodes: NodeAccounts,
  limits: WindowLimits,
  flags: Set<AccountFlag>,
): Totals["work"] => {
  const work: Record<string, Totals["work"][string]> = {};
  for (const declared of model.compute?.work ?? []) {
    const key = sampleKey(declared.device, declared.quantity);
    const counter = samples.get(key);
    const counted =
      counter === undefined
        ? null
        : countBetween(
            counter,
            window,
            { modulus: null, resolution: 0, maxPerHour: Infinity },
            { bridgeMs: limits.bridgeMs, gapMs: gapOf(0) },
          );
    const amount = counted?.amount ?? null;
    if (amount === null) flags.add("WORK_MISSING");
    work[key] = { amount, energyWh: net(nodes[declared.node]) };
  }
  return work;
};

const busBalance = (model: SiteModel, nodes: NodeAccounts, slopes: ReadonlyMap<string, number>): Balance => {
  const buses = countedNodes(model).map((node): BusPower => {
    const account = nodes[node.id];
    // A mean over half a window is not the mean of the window.
    const known = account !== undefined && account.coverage >= leastCoverage;
    return {
      role: node.role,
      powerW: known ? account.meanW : null,
      ratingW: node.ratingW,
      meters: node.points,
      slopeWPerS: slopes.get(node.id) ?? 0,
      skewS: defaultSkewS,
    };
  });
  return balance(buses, model.busRatingW);
};

/** With its energy residual; while the balance is open with what each meter of a node showed, and with the suspect. */
const judged = (
  model: SiteModel,
  account: Account,
  several: ReadonlyMap<string, NonNullable<NodeAccount["meters"]>>,
): Account => {
  const closed = closedBalance(model, account, []);
  if (!isOpenBalance(closed, model.busRatingW, account.end - account.start)) return { ...account, balance: closed };
  const nodes: Record<string, NodeAccount> = { ...account.nodes };
  for (const [id, meters] of several) {
    const own = nodes[id];
    if (own !== undefined) nodes[id] = { ...own, meters };
  }
  const balance = several.size === 0 ? closed : closedBalance(model, { ...account, nodes }, []);
  const flags: readonly AccountFlag[] = balance.suspect ? [...account.flags, "METER_SUSPECT"] : account.flags;
  return { ...account, nodes, balance, flags };
};

const blanks = new WeakMap<SiteModel["nodes"], Record<string, NodeAccount>>();

/** A place for every node, in the order of accounting; adding keys one by one costs the square of their number. */
const blank = ({ nodes }: SiteModel): Record<string, NodeAccount> => {
  let places = blanks.get(nodes);
  if (places === undefined) {
    const names = new Map(nodes.filter((node) => node.points.length > 0).map((node) => [node.id, undefined]));
    const name = (node: SiteNode): void => {
      if (names.has(node.id)) return;
      for (const child of nodes) if (child.parent === node.id && child.role === node.role) name(child);
      names.set(node.id, undefined);
    };
    for (const node of nodes) name(node);
    places = Object.fromEntries(names) as unknown as Record<string, NodeAccount>;
    blanks.set(nodes, places);
  }
  return { ...places };
};

/**
 * The account of one site and window from the samples in and around it. Registers first; adjacent windows add up to
 * the whole; what is not known is null.
 */
export const accountWindow = (
  model: SiteModel,
  window: Window & { readonly step: AccountStep },
  samples: SamplesByPoint,
  limits: WindowLimits,
): Account => {
  const nodes: Record<string, NodeAccount> = blank(model);
  const slopes = new Map<string, number>();
  const several = new Map<string, NonNullable<NodeAccount["meters"]>>();
  const terms = { busRatingW: model.busRatingW, bridgeMs: limits.bridgeMs };
  const lagOf = samples.lags?.() ?? null;
  const sentinelsIn = samples.sentinels?.() ?? null;
  const plain = plainNodes(model, samples.slots, limits.bridgeMs);
  const keep = (node: SiteNode, account: NodeAccount): void => {
    const timed = lagOf === null ? account : withLag(node, account, window, lagOf);
    nodes[node.id] = sentinelsIn === null ? timed : withSentinels(node, timed, window, sentinelsIn);
  };
  for (let place = 0; place < model.nodes.length; place++) {
    const node = model.nodes[place];
    if (node === undefined || node.points.length === 0) continue;
    const own = plain?.account(place, window) ?? null;
    if (plain !== null && own !== null) {
      keep(node, own);
      if (node.counting === "counted") slopes.set(node.id, plain.slope());
      continue;
    }
    const { account, slopeWPerS, meters } = accountNode(node, window, samples, terms);
    keep(node, account);
    if (node.counting === "counted") slopes.set(node.id, slopeWPerS);
    if (meters.length > 1) several.set(node.id, meters);
  }
  const group = (node: SiteNode): NodeAccount => {
    const known = nodes[node.id];
    if (known !== undefined) return known;
    const children = model.nodes.filter((child) => child.parent === node.id && child.role === node.role);
    const account = addChildren(children.map(group));
    nodes[node.id] = account;
    return account;
  };
  for (const node of model.nodes) if (node.points.length === 0) group(node);

  const counted = countedNodes(model)
    .map((node) => nodes[node.id])
    .filter((account) => account !== undefined);
  const flags = new Set<AccountFlag>(counted.flatMap((account) => account.flags));
  const energy = energyTotals(model, nodes);
  const used = new Set<string>();
  const totals: Totals = {
    ...energy,
    storedWh: storedEnergy(model, window, samples),
    carbonG: carbonOf(model, window, samples, energy, flags, used),
    ...carbonFreeOf(model, window, samples, energy.importWh, flags),
    ...availableOf(model, nodes),
    ...costOf(model, window, samples, energy, flags, used),
    ...mediaOf(model, window, samples, limits),
    ...idleOf(model, window, samples, (id) => net(nodes[id])),
    ...batteriesOf(model, window, samples),
    ...serversOf(model, window, samples),
    work: workOf(model, window, samples, nodes, limits, flags),
  };
  const bus = busBalance(model, nodes, slopes);
  if (bus.residualW !== null && bus.toleranceW !== null && Math.abs(bus.residualW) > bus.toleranceW)
    flags.add("BALANCE_OPEN");
  const coverage = counted.length === 0 ? 0 : Math.min(...counted.map((account) => account.coverage));
  if (coverage < leastCoverage) flags.add("COVERAGE_LOW");
  const account: Account = {
    site: model.id,
    step: window.step,
    start: window.start as Account["start"],
    end: window.end as Account["end"],
    revision: 1,
    model: model.revision,
    ...(used.size === 0 ? {} : { factors: [...used] }),
    nodes,
    totals,
    balance: bus,
    coverage,
    quality: counted.length === 0 ? "INVALID" : worstQuality(counted.map((part) => part.quality)),
    flags: [...flags],
    ...outdoorOf(model, window, samples),
  };
  return judged(model, account, several);
};
