import { type Account, demandPriceAt, type SiteModel, type SiteNode } from "#energy";
import type { Reading } from "#store";
import { type Baseline, noBaseline, pueBaseline, type RampHistory, rampAfter, rampFacts } from "./baseline.ts";
import { numberOf } from "./column.ts";
import type { Facts } from "./evaluate.ts";
import { accountFactsAt, type DemandMinutes, noMinutes } from "./facts.ts";
import { type MonthDemand, monthAfter, noMonth } from "./month.ts";
import { createNodeColumns, type Outlook } from "./node-columns.ts";
import { type CounterEvents, eventsAfter, nodeFactsAt, uncertaintyOf } from "./node-facts.ts";
import { type NodeParts, partsOfAccount } from "./node-parts.ts";
import { idsOf, meteredNodes, placesOf, treeOf } from "./node-plan.ts";
import { withoutNodes } from "./permit.ts";
import { createPlant, type SavedPlant } from "./plant.ts";
import { createInlets, noRoom, type RoomState, roomAfter } from "./room.ts";
import type { Rule } from "./rule.ts";
import { type PueMinutes, pueFactsAt, supplyFactsAt } from "./site-facts.ts";
import { type SitePlan, sitePlanOf } from "./site-plan.ts";
import { createSiteTime } from "./time-facts.ts";
import { createTrack, type SavedTrack } from "./track.ts";
import { isNodeFact } from "./vocabulary.ts";
import { noYear, type YearSums, yearAfter } from "./year.ts";

/** What window rules may read, minute after minute. */
export interface AccountFacts {
  readonly nodes: readonly SiteNode[];
  /** A fact of nodes that the model says once and for all. */
  constant(name: string): Float64Array;
  /** Whether a node can have no value of that name. */
  isNever(name: string, node: SiteNode): boolean;
  /** Quantities that window rules read beside the account; `known` is the site's clock, ms. */
  note(reading: Reading, known: number): void;
  /** Whether `note` may keep such a quantity. */
  readonly notes: (quantity: string) => boolean;
  /** `parts`: the account's nodes when they do not come with it. */
  at(account: Account, isolated: ReadonlySet<string>, parts?: NodeParts): AccountNow;
  save(): AccountFactsState;
}

export interface AccountNow {
  readonly site: Facts;
  readonly nodes: readonly SiteNode[];
  /** With the site's facts. */
  node(node: SiteNode): Facts;
  /** Without them. */
  own(node: SiteNode): Facts;
  /** A fact of nodes, by their order: a number or truth, a text's number; NaN is missing. */
  column(name: string): Float64Array;
  /** What the next minutes bring of them; null when they are not known. */
  outlook(): Outlook | null;
  /** To be called when the minute is judged: an account of hundreds of nodes is not kept until the next. */
  forget(): void;
}

/** Plain data. */
export interface AccountFactsState {
  readonly demand: DemandMinutes;
  readonly pue: PueMinutes;
  readonly counters: CounterEvents;
  readonly year: YearSums;
  readonly ramp: RampHistory;
  readonly baseline: Baseline;
  readonly outdoor: SavedTrack;
  readonly util: SavedTrack;
  readonly plant?: SavedPlant;
  readonly month?: MonthDemand;
  readonly load?: RampHistory;
  readonly room?: RoomState;
}

const hourMs = 3_600_000;

export const createAccountFacts = (
  model: SiteModel,
  rules: readonly Rule[],
  saved?: AccountFactsState,
): AccountFacts => {
  const reads = new Set(rules.filter(({ on }) => on === "account").flatMap(({ inputs }) => inputs));
  const timed = rules.find(({ on, inputs }) => on === "account" && inputs.some((one) => timeInputs.includes(one)));
  const siteTime = createSiteTime(model.timeZone);
  const nodes = meteredNodes(model);
  const ids = idsOf(nodes);
  const placeOf = placesOf(nodes);
  const { children, above } = treeOf(model.nodes);
  const works = new Map<string, string[]>();
  for (const { device, quantity, node } of model.compute?.work ?? [])
    works.set(node, [...(works.get(node) ?? []), `${device}/${quantity}`]);
  const nodeReads = rules
    .filter(({ on, subject }) => on === "account" && subject === "node")
    .flatMap(({ inputs }) => inputs.filter(isNodeFact));
  const outdoor = createTrack("outdoor_c", () => reads.has("outdoor_c") || reads.has("pue_baseline"), saved?.outdoor);
  const workers = new Map(
    nodes.filter(({ id }) => works.has(id)).flatMap((node) => node.points.map(({ device }) => [device, node.id])),
  );
  const util = createTrack("util_pct", (device) => reads.has("node_util_pct") && workers.has(device), saved?.util);
  let demand = saved?.demand ?? noMinutes;
  let pue: PueMinutes = saved?.pue ?? [];
  let counters: CounterEvents = saved?.counters ?? {};
  let year = saved?.year ?? noYear;
  let ramp: RampHistory = saved?.ramp ?? {};
  let baseline = saved?.baseline ?? noBaseline;
  let month = saved?.month ?? noMonth;
  let load: RampHistory = saved?.load ?? {};
  let room = saved?.room ?? noRoom;
  const plant = createPlant(model, reads, saved?.plant);
  const readsPlant = plantInputs.some((name) => reads.has(name));
  const inlets = createInlets(room.inlets);
  const readsRoom = reads.has("inlet_max_c") || reads.has("room_rise_c");
  const readsVersion = reads.has("software_version");
  const readsLoadRamp = reads.has("load_ramp_w");
  const readsYear = reads.has("year_green_wh");
  const readsRamp = reads.has("drop_w") || reads.has("rise_w");
  const readsBaseline = reads.has("pue_baseline");
  let standing: { readonly without: ReadonlySet<string>; readonly plan: SitePlan } = {
    ...{ without: new Set(), plan: sitePlanOf(model.nodes) },
  };
  /** What permits isolate changes with people, not with minutes. */
  const planWithout = (isolated: ReadonlySet<string>): SitePlan => {
    const { without } = standing;
    const isSame =
      isolated === without || (isolated.size === without.size && [...isolated].every((id) => without.has(id)));
    if (!isSame) standing = { without: isolated, plan: sitePlanOf(withoutNodes(model, isolated).nodes, model.nodes) };
    return standing.plan;
  };

  const belowOf = (node: SiteNode): readonly SiteNode[] =>
    children.get(node.id)?.filter(({ role }) => role === node.role) ?? [];
  const columns = createNodeColumns(nodes, [...new Set(nodeReads)], {
    below: belowOf,
    above: ({ id }) => above.get(id) ?? null,
    works: ({ id }) => works.has(id),
  });

  const nodeFacts = (node: SiteNode, account: Account, parts: NodeParts, site: Facts): Facts => {
    const known: Record<string, Facts[string]> = { ...nodeFactsAt(node, account, parts.part(node.id), counters) };
    const below = belowOf(node);
    known.has_children = below.length > 0;
    known.children_w =
      below.length === 0
        ? null
        : below.reduce<number | null>((sum, { id }) => {
            const meanW = parts.part(id)?.meanW ?? null;
            return sum === null || meanW === null ? null : sum + meanW;
          }, 0);
    known.children_u_w = below.length === 0 ? null : rootOf(below.map((one) => uncertaintyOf(one, parts.part(one.id))));
    const parent = above.get(node.id) ?? null;
    known.above_w = parent === null ? (site.load_w ?? null) : (parts.part(parent)?.meanW ?? null);
    if (readsVersion) known.software_version = plant.version(node, account);
    const mine = works.get(node.id) ?? [];
    if (mine.length === 0) return known;
    const done = mine.map((key) => account.totals.work[key]);
    known.work = done.reduce<number | null>((sum, part) => sumOf(sum, part?.amount), 0);
    known.work_wh = done[0]?.energyWh ?? null;
    const seen = node.points
      .map(({ device }) => util.at(account.end, Math.max(600_000, account.end - account.start), device))
      .filter((one) => one !== null);
    known.node_util_pct = seen.length === 0 ? null : seen.reduce((sum, value) => sum + value, 0) / seen.length;
    return known;
  };

  return {
    nodes,
    constant: columns.column,
    isNever: columns.isNever,
    note(reading, known) {
      outdoor.note(reading, known);
      util.note(reading, known);
      plant.note(reading, known);
      if (readsRoom) inlets.note(reading, known);
    },
    notes: (quantity) =>
      (quantity === "outdoor_c" && (reads.has("outdoor_c") || reads.has("pue_baseline"))) ||
      (quantity === "util_pct" && reads.has("node_util_pct")) ||
      (quantity === "inlet_c" && readsRoom) ||
      plant.notes(quantity),
    at(account, isolated, given) {
      const parts = given ?? partsOfAccount(account, ids);
      const plan = planWithout(isolated);
      const ofDemand = accountFactsAt(model, account, demand);
      const ofPue = pueFactsAt(model, account, parts.columns, placeOf, pue);
      demand = ofDemand.minutes;
      pue = ofPue.minutes;
      counters = eventsAfter(nodes, account, parts, counters);
      const site: Record<string, Facts[string]> = {
        ...ofDemand.facts,
        ...ofPue.facts,
        ...supplyFactsAt(plan, model, account, parts),
        ...(timed === undefined ? {} : siteTime(timed, account.start)),
        outdoor_c: outdoor.at(account.end, hourMs),
        ...(readsPlant ? plant.at(plan, account) : {}),
      };
      if (model.demand !== null) {
        month = monthAfter(month, model, account.start, ofDemand.facts);
        const price = demandPriceAt(model.demand, account.start, model.timeZone);
        const billing = price?.billing ?? model.demand.billing ?? "contract";
        // Billed by capacity no maximum costs anything.
        const perKw = billing === "capacity" ? 0 : (price?.pricePerKwMonth ?? null);
        site.month_demand_w = month.beforeW;
        site.demand_price = perKw;
        site.demand_billing = billing;
      }
      if (readsRoom) {
        const seen = roomAfter(room, account, inlets.take(account.start, account.end), site);
        room = seen.room;
        Object.assign(site, seen.facts);
      }
      if (readsLoadRamp) {
        load = rampAfter(load, account, account.totals.loadWh);
        site.load_ramp_w = rampFacts(load, account.start).rise_w ?? null;
      }
      if (readsYear) {
        year = yearAfter(year, account, model.timeZone);
        Object.assign(site, year.facts);
      }
      if (readsRamp) {
        ramp = rampAfter(ramp, account);
        Object.assign(site, rampFacts(ramp, account.start));
      }
      if (readsBaseline) {
        const seen = pueBaseline(baseline, account.end, site);
        baseline = seen.baseline;
        site.pue_baseline = seen.pue;
        site.pue_sigma = seen.sigma;
      }
      // Nodes are asked about one after the other, each by several rules.
      let asked: { readonly node: SiteNode; readonly facts: Facts } | null = null;
      const own = (node: SiteNode): Facts => {
        if (asked?.node !== node) asked = { node, facts: nodeFacts(node, account, parts, site) };
        return asked.facts;
      };
      if (nodeReads.length > 0) columns.take(account, parts, counters, { factsOf: own, loadW: numberOf(site.load_w) });
      // A copy: an object that inherits would make the site's facts a prototype, which costs more than all of them.
      const node = (one: SiteNode): Facts => ({ ...site, ...own(one) });
      return { site, nodes, node, own, column: columns.column, outlook: columns.outlook, forget: columns.forget };
    },
    save: () => ({
      ...{ demand, pue, counters, year, ramp, baseline, outdoor: outdoor.save(), util: util.save() },
      ...{ plant: plant.save(), month, load, room: { ...room, inlets: inlets.save() } },
    }),
  };
};

const plantInputs: readonly string[] = [
  "storage_give_w",
  "storage_take_w",
  "storage_soh_pct",
  "storage_runtime_s",
  "forecast_w",
  "irradiance_w_per_m2",
  "genset_count",
  "gensets_available",
  "genset_available_w",
];
const rootOf = (parts: readonly (number | null)[]): number | null =>
  parts.some((part) => part === null) ? null : Math.hypot(...parts.map((part) => part ?? 0));
const timeInputs: readonly string[] = ["weekday", "time_of_day_s"];
const sumOf = (sum: number | null, part: number | null | undefined): number | null =>
  sum === null || part === null || part === undefined ? null : sum + part;
