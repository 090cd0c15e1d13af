import { type Account, nodeLimit, type SiteModel } from "#energy";
import type { Facts } from "./evaluate.ts";
import { oncePerPlan } from "./node-plan.ts";
import type { Rule } from "./rule.ts";

/** What rules on the values of a device may read of the site model and of the site's accounts. */
export interface DeviceModel {
  facts(rule: Rule, device: string, now: number): Facts;
  note(account: Account): void;
  save(): SavedShares;
}

/** IT load over its rating, by the end of its minute, oldest first; plain data. */
export type SavedShares = readonly (readonly [end: number, share: number | null])[];

const none: Facts = {};
const wanted = ["declared_v", "rated_u_w", "it_share"];
// Accounts come seconds late: one that is a minute old is there by every road.
const settledMs = 60_000;
const freshMs = 300_000;

const constantsOf = oncePerPlan((nodes): ReadonlyMap<string, Facts> => {
  const constants = new Map<string, Facts>();
  for (const node of nodes)
    for (const { device, nominalV } of node.points) {
      if (constants.has(device)) continue;
      const { ratingW } = node;
      constants.set(device, {
        declared_v: nominalV ?? null,
        rated_u_w: ratingW === null ? null : ((nodeLimit(node, ratingW) / 100) * ratingW) / Math.sqrt(3),
      });
    }
  return constants;
});

export const createDeviceModel = (model: SiteModel, rules: readonly Rule[], saved: SavedShares = []): DeviceModel => {
  const reads = new Set(rules.flatMap(({ inputs }) => inputs.filter((name) => wanted.includes(name))));
  const constants = reads.size === 0 ? null : constantsOf(model.nodes);
  const rated = model.nodes.filter(({ kind, counting }) => kind === "it" && counting === "counted");
  const ratingW = rated.reduce<number | null>(
    (sum, node) => (sum === null || node.ratingW === null ? null : sum + node.ratingW),
    rated.length === 0 ? null : 0,
  );
  let shares = saved;
  return {
    facts(rule, device, now) {
      if (!rule.inputs.some((name) => reads.has(name))) return none;
      const share = shares.findLast(([end]) => end <= now - settledMs);
      const isFresh = share !== undefined && now - share[0] <= freshMs;
      return {
        ...(constants?.get(device) ?? { declared_v: null, rated_u_w: null }),
        it_share: isFresh ? share[1] : null,
      };
    },
    note({ start, end, totals }) {
      if (!reads.has("it_share")) return;
      const watts = totals.itWh === null ? null : (totals.itWh * 3_600_000) / (end - start);
      shares = [...shares.slice(-4), [end, watts === null || ratingW === null ? null : watts / ratingW]];
    },
    save: () => shares,
  };
};
