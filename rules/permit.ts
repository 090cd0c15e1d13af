import { formatLocal, type SiteModel, type Text } from "#energy";
import type { LifePlan } from "./life.ts";

/** A node isolated on purpose: who, why, until. Times on the site's clock. */
export interface Permit {
  readonly id: string;
  readonly site: string;
  readonly node: string;
  readonly by: string;
  readonly reason: string;
  readonly from: number;
  readonly until: number;
  readonly closed: { readonly by: string; readonly at: number } | null;
}

export const permitRule = "PERMIT";
export const permitSubcode = "isolated";

/** Isolated from its beginning until someone closes it, however late that is. */
export const isOpenAt = ({ from, closed }: Permit, at: number): boolean =>
  at >= from && (closed === null || at < closed.at);

/** The node and all below it, with their devices. */
export const subtreeOf = (model: SiteModel, node: string): ReadonlySet<string> => {
  const found = new Set([node]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const { id, parent } of model.nodes) if (parent !== null && found.has(parent)) found.add(id);
  }
  const devices = model.nodes
    .filter(({ id }) => found.has(id))
    .flatMap(({ points }) => points.map((one) => one.device));
  return new Set([...found, ...devices]);
};

/** The model as it stands while these are isolated: their ratings and capacities do not count. */
export const withoutNodes = (model: SiteModel, isolated: ReadonlySet<string>): SiteModel =>
  isolated.size === 0 ? model : { ...model, nodes: model.nodes.filter(({ id }) => !isolated.has(id)) };

const title = (permit: Permit, timeZone: string): Text => {
  const until = formatLocal(permit.until, timeZone).slice(11, 16);
  return {
    en: `${permit.node} is isolated on purpose until ${until}`,
    "zh-CN": `${permit.node} 按工作票隔离至 ${until}`,
  };
};

/** One expected alert until the permit's time, major when it is overrun. */
export const permitPlan = (permit: Permit, timeZone: string): LifePlan => ({
  identity: {
    rule: permitRule,
    ruleVersion: 1,
    site: permit.site,
    subject: permit.node,
    subcode: permitSubcode,
    title: title(permit, timeZone),
    action: {
      en: "Nothing while the work goes on. When it is over close the permit; when it takes longer, open a new one.",
      "zh-CN": "作业期间无需处理。作业结束后关闭工作票；如需延长，请重新开票。",
    },
  },
  levels: [
    { severity: "INFO", holdOnMs: 0, holdOffMs: 0 },
    { severity: "MAJOR", holdOnMs: 0, holdOffMs: 0 },
  ],
});

export interface Permits {
  put(permit: Permit): void;
  list(): readonly Permit[];
  size(): number;
  isolated(subject: string, at: number): boolean;
  isolatedNodes(at: number): ReadonlySet<string>;
  /** Openings, overruns and endings that have happened by now and were not given before. */
  due(now: number): readonly PermitEvent[];
  /** `rule/subcode` of their alerts. */
  keys(): readonly string[];
}

export interface PermitEvent {
  readonly plan: LifePlan;
  readonly at: number;
  readonly isOpen: boolean;
  readonly isOverrun: boolean;
  readonly closedBy: string | null;
  readonly inputs: Readonly<Record<string, number | string>>;
}

const keptMs = 7_200_000;
const nobody: ReadonlySet<string> = new Set();

/** The permits of one site and what has been said of them. */
export const createPermits = (
  model: SiteModel,
  saved: readonly Permit[] = [],
  since: number | null = null,
): Permits => {
  const held = new Map<string, { permit: Permit; readonly nodes: ReadonlySet<string> }>();
  let looked = since ?? Number.NEGATIVE_INFINITY;
  const fresh = new Set<string>();
  const put = (permit: Permit): void => {
    held.set(permit.id, { permit, nodes: subtreeOf(model, permit.node) });
  };
  for (const permit of saved) put(permit);
  const open = (at: number) => [...held.values()].filter(({ permit }) => isOpenAt(permit, at));
  return {
    put(permit) {
      put(permit);
      fresh.add(permit.id);
    },
    list: () => [...held.values()].map(({ permit }) => permit),
    size: () => held.size,
    isolated: (subject, at) => held.size > 0 && open(at).some(({ nodes }) => nodes.has(subject)),
    isolatedNodes(at) {
      const found = held.size === 0 ? [] : open(at);
      return found.length === 0 ? nobody : new Set(found.flatMap(({ nodes }) => [...nodes]));
    },
    due(now) {
      if (held.size === 0) return [];
      const before = looked;
      looked = Math.max(looked, now);
      const events: PermitEvent[] = [];
      for (const { permit } of [...held.values()]) {
        const { id, from, until, closed, by, reason } = permit;
        const times = [from, until + 1, closed?.at ?? Number.POSITIVE_INFINITY];
        const isNew = fresh.delete(id);
        for (const at of times.filter((time) => time <= now && (time > before || isNew)).sort((a, b) => a - b)) {
          events.push({
            plan: permitPlan(permit, model.timeZone),
            at,
            isOpen: isOpenAt(permit, at),
            isOverrun: at > until,
            closedBy: closed !== null && at >= closed.at ? closed.by : null,
            inputs: { by, reason, until },
          });
        }
        if (closed !== null && closed.at < now - keptMs) held.delete(id);
      }
      return events.sort((a, b) => a.at - b.at);
    },
    keys: () => (held.size === 0 ? [] : [`${permitRule}/${permitSubcode}`]),
  };
};
