import type { AccountFlag } from "#energy";
import type { KeptTable, Layout } from "#store";
import { type NodeParts, type PartField, partFields } from "../node-parts.ts";

// columns of a table as it is kept ─▶ columns of the nodes that are wanted, in their order

interface Plan {
  readonly moves: readonly { readonly column: number; readonly field: PartField; readonly places: Int32Array }[];
  readonly flags: NodeParts["flags"];
  readonly mostRows: number;
}

const fieldsOfCheck: Readonly<Record<string, PartField>> = { registerWh: "registerWh", powerWh: "gaugeWh" };
const isField = (key: string): key is PartField => (partFields as readonly string[]).includes(key);

/** Where in an account a field of a node stands. */
const fieldAt = ([key = "", within, ...deeper]: readonly string[]): PartField | null => {
  if (deeper.length > 0) return null;
  if (within === undefined) return isField(key) && key !== "registerWh" && key !== "gaugeWh" ? key : null;
  return key === "check" && Object.hasOwn(fieldsOfCheck, within) ? (fieldsOfCheck[within] ?? null) : null;
};

const planOf = ({ ids, shapes, columns }: Layout, placeOf: (id: string) => number): Plan => {
  const places = Int32Array.from(ids, placeOf);
  const flags = new Map<number, readonly AccountFlag[]>();
  for (const [row, { skeleton }] of shapes.entries()) {
    const place = places[row] ?? -1;
    const mine = (skeleton as { readonly flags?: unknown }).flags;
    if (place >= 0 && Array.isArray(mine) && mine.length > 0) flags.set(place, mine as readonly AccountFlag[]);
  }
  const moves = columns.flatMap(({ path, rows }, column) => {
    const field = fieldAt(path);
    return field === null ? [] : [{ column, field, places: rows.map((row) => places[row] ?? -1) }];
  });
  return { moves, flags, mostRows: Math.max(0, ...columns.map(({ rows }) => rows.length)) };
};

/** Reads tables of nodes; what those of one layout share is worked out once. */
export const createTableScan = (placeOf: (id: string) => number) => {
  const plans = new WeakMap<Layout, Plan>();
  let scratch = new Float64Array(0);
  /** `columns` must hold NaN. */
  return ({ layout, columns: packed }: KeptTable, columns: NodeParts["columns"]): NodeParts["flags"] => {
    const plan = plans.get(layout) ?? planOf(layout, placeOf);
    plans.set(layout, plan);
    if (scratch.length < plan.mostRows) scratch = new Float64Array(plan.mostRows);
    for (const { column, field, places } of plan.moves) {
      packed.read(column, scratch);
      const target = columns[field];
      for (let i = 0; i < places.length; i++) {
        const place = places[i] ?? -1;
        if (place >= 0) target[place] = scratch[i] ?? Number.NaN;
      }
    }
    return plan.flags;
  };
};
