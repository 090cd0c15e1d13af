import type { Account } from "#energy";
import type { NodeParts, PartField } from "./node-parts.ts";

// History is judged with its next minutes at hand: what the nodes can come to in them tells whom they are not about.

/** The minutes that are judged next, in their order; some may be left out. */
export interface Ahead {
  readonly minutes: readonly AheadMinute[];
  /** More minutes of which these are a part; null: as many as are known. */
  readonly wider: Ahead | null;
  /** Of one field over all of them, by node. */
  bounds(field: PartField): Bounds;
}

export interface AheadMinute {
  readonly account: Account;
  readonly nodes: Pick<NodeParts, "columns" | "flags">;
}

/** The least and the greatest value of each node, least above greatest where there is none; 1 where it may be missing. */
export interface Bounds {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly lacks: Uint8Array;
}

/** Of so many nodes about which nothing is known yet, not even whether they have a value. */
export const noBounds = (nodes: number): Bounds => ({
  low: new Float64Array(nodes).fill(Number.POSITIVE_INFINITY),
  high: new Float64Array(nodes).fill(Number.NEGATIVE_INFINITY),
  lacks: new Uint8Array(nodes),
});

export const createAhead = (minutes: readonly AheadMinute[], wider: Ahead | null = null): Ahead => {
  const known = new Map<PartField, Bounds>();
  return {
    minutes,
    wider,
    bounds(field) {
      const before = known.get(field);
      if (before !== undefined) return before;
      const bounds = noBounds(minutes[0]?.nodes.columns[field].length ?? 0);
      for (const { nodes } of minutes) widen(bounds, nodes.columns[field]);
      known.set(field, bounds);
      return bounds;
    },
  };
};

const widen = ({ low, high, lacks }: Bounds, column: Float64Array): void => {
  for (let i = 0; i < low.length; i++) {
    const value = column[i] ?? Number.NaN;
    if (value < (low[i] ?? 0)) low[i] = value;
    if (value > (high[i] ?? 0)) high[i] = value;
    if (Number.isNaN(value)) lacks[i] = 1;
  }
};
