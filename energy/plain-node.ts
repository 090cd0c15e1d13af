import type { NodeAccount } from "./account.ts";
import { alikeOf } from "./alike.ts";
import type { Window } from "./calendar.ts";
import { registerCap } from "./meter.ts";
import type { SiteModel, SiteNode } from "./model.ts";
import { estimatedPower, noFlags, type PointTerms, type SampleSlots, termsOf } from "./node-account.ts";
import { areaAbove } from "./power.ts";

// Most nodes are one meter with a gauge and registers that do nothing odd. Their minute needs none of the lists and
// objects of `accountNode`, which were a third of all accounting; whatever is not plain goes there, and both say the
// same to the last bit.

/** Accounts of plain nodes by their place in the model; null when `accountNode` has to look. */
export interface PlainNodes {
  readonly account: (place: number, window: Window) => NodeAccount | null;
  /** Of the account that was asked for last, W/s. */
  readonly slope: () => number;
}

interface Plan {
  /** Slots by the place of the node: −1 without one; power is −2 where the node is not plain. */
  readonly power: Int32Array;
  readonly forward: Int32Array;
  readonly reverse: Int32Array;
  readonly terms: readonly (PointTerms | undefined)[];
}

const msPerHour = 3_600_000;
const notPlain = -2;
// What the counter algorithm looks at around a window: see `countBetween`.
const registerBefore = 8;
const registerAfter = 4;

const plans = new WeakMap<SampleSlots["places"], WeakMap<SiteModel, Plan>>();

const isPlain = (node: SiteNode): boolean => {
  const [point, ...more] = node.points;
  if (point === undefined || more.length > 0 || node.origin === "synthetic" || estimatedPower(node) !== null)
    return false;
  if (node.kind === "pv" || node.kind === "wind" || node.kind === "battery" || point.soc !== null) return false;
  if (point.power === null || point.energyForward === null) return false;
  return point.energyReverse !== null || node.kind !== "grid";
};

const planOf = (site: SiteModel, slots: SampleSlots, bridgeMs: number): Plan => {
  const model = alikeOf(site);
  const ofPlaces = plans.get(slots.places) ?? new WeakMap<SiteModel, Plan>();
  plans.set(slots.places, ofPlaces);
  const known = ofPlaces.get(model);
  if (known !== undefined) return known;
  const { nodes } = model;
  const slotOf = (pick: (node: SiteNode) => string | null | undefined) =>
    Int32Array.from(nodes, (node) => {
      const quantity = isPlain(node) ? (pick(node) ?? null) : null;
      return quantity === null ? -1 : slots.find(node.points[0]?.device ?? "", quantity);
    });
  const power = slotOf(({ points }) => points[0]?.power);
  for (const [place, node] of nodes.entries()) if (!isPlain(node)) power[place] = notPlain;
  const plan = {
    power,
    forward: slotOf(({ points }) => points[0]?.energyForward),
    reverse: slotOf(({ points }) => points[0]?.energyReverse),
    terms: nodes.map((node) => {
      const [point] = node.points;
      return point === undefined ? undefined : termsOf(point, node.ratingW ?? model.busRatingW, bridgeMs);
    }),
  };
  ofPlaces.set(model, plan);
  return plan;
};

// Places of what `count` and `integrate` found last: a number in a variable of theirs would be an object each time.
const amount = 0;
const goodMs = 1;
const above = 2;
const below = 3;
const least = 4;
const most = 5;
const slope = 6;

const openPlainNodes = (model: SiteModel, slots: SampleSlots, bridgeMs: number): PlainNodes => {
  const { power, forward, reverse, terms } = planOf(model, slots, bridgeMs);
  const { ts, value } = slots.copied;
  const found = new Float64Array(7);
  const last = (place: number): number => found[place] ?? 0;

  /** `countBetween` of a register that is its own curve and is known all over the window; false when it is not. */
  const count = (slot: number, start: number, end: number, { register, limits }: PointTerms): boolean => {
    const held = slots.around(slot, { start, end, before: registerBefore, after: registerAfter });
    let sum = 0;
    let good = 0;
    let reached = start;
    for (let index = 1; index < held; index++) {
      const left = ts[index - 1] ?? 0;
      const right = ts[index] ?? 0;
      const length = right - left;
      const difference = (value[index] ?? 0) - (value[index - 1] ?? 0);
      if (!(difference >= 0 && difference <= registerCap(length, register))) return false;
      const from = Math.max(left, start);
      const to = Math.min(right, end);
      if (to <= from) continue;
      if (length > limits.bridgeMs || from > reached) return false;
      if (length <= limits.gapMs) good += to - from;
      sum += (difference * (to - from)) / length;
      reached = to;
    }
    found[amount] = sum;
    found[goodMs] = good;
    return reached >= end && good >= end - start - 1;
  };

  /** `integratePower` where the gauge is known all over the window; false when it is not. */
  const integrate = (slot: number, start: number, end: number, sign: 1 | -1, gapMs: number): boolean => {
    const held = slots.around(slot, { start, end, before: 1, after: 1 });
    let [up, down, good, lowest, highest, firstW, lastW] = [0, 0, 0, Infinity, -Infinity, 0, 0];
    for (let index = 1; index < held; index++) {
      const left = ts[index - 1] ?? 0;
      const right = ts[index] ?? 0;
      const from = Math.max(left, start);
      const to = Math.min(right, end);
      if (to <= from || right - left > gapMs) continue;
      const before = sign * (value[index - 1] ?? 0);
      const rise = (sign * (value[index] ?? 0) - before) / (right - left);
      const a = before + rise * (from - left);
      const b = before + rise * (to - left);
      up += areaAbove(a, b, to - from);
      down += areaAbove(-a, -b, to - from);
      if (good === 0) firstW = a;
      good += to - from;
      lowest = Math.min(lowest, a, b);
      highest = Math.max(highest, a, b);
      lastW = b;
    }
    found[goodMs] = good;
    found[above] = up;
    found[below] = down;
    found[least] = lowest;
    found[most] = highest;
    found[slope] = ((lastW - firstW) * 1000) / Math.max(1, good);
    return good > 0 && good >= end - start - 1;
  };

  return {
    account: (place, { start, end }) => {
      const gauge = power[place] ?? notPlain;
      const counter = forward[place] ?? -1;
      const of = terms[place];
      const point = model.nodes[place]?.points[0];
      if (gauge < 0 || counter < 0 || of === undefined || point === undefined) return null;
      if (!count(counter, start, end, of)) return null;
      const forwardWh = last(amount);
      let knownMs = last(goodMs);
      let reverseWh = 0;
      if (point.energyReverse !== null) {
        const back = reverse[place] ?? -1;
        if (back < 0 || !count(back, start, end, of)) return null;
        reverseWh = last(amount);
        knownMs = Math.min(knownMs, last(goodMs));
      }
      if (!integrate(gauge, start, end, point.sign, of.limits.gapMs)) return null;
      return {
        forwardWh,
        reverseWh,
        meanW: (last(above) - last(below)) / last(goodMs),
        minW: last(least),
        maxW: last(most),
        socPct: null,
        check: { registerWh: forwardWh - reverseWh, powerWh: last(above) / msPerHour - last(below) / msPerHour },
        coverage: knownMs / (end - start),
        quality: "MEASURED",
        flags: noFlags,
      };
    },
    slope: () => last(slope),
  };
};

const opened = new WeakMap<SampleSlots, { readonly model: SiteModel; readonly plain: PlainNodes }>();

/** The plain nodes of a site; null when its samples are not at hand by slot. */
export const plainNodes = (model: SiteModel, slots: SampleSlots | undefined, bridgeMs: number): PlainNodes | null => {
  if (slots === undefined) return null;
  const known = opened.get(slots);
  if (known?.model === model) return known.plain;
  const plain = openPlainNodes(model, slots, bridgeMs);
  opened.set(slots, { model, plain });
  return plain;
};
