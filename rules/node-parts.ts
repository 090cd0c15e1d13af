import type { Account, AccountFlag, NodeAccount } from "#energy";
import type { Ahead } from "./ahead.ts";

/** The nodes of an account in columns, in the order of the site's metered nodes; NaN where a value is missing. */
export interface NodeParts {
  readonly columns: Readonly<Record<PartField, Float64Array>>;
  readonly flags: ReadonlyMap<number, readonly AccountFlag[]>;
  part(id: string): Part | undefined;
  /** The minutes of which this is one, where they are known before they are judged. */
  readonly ahead?: Ahead;
}

export const partFields = [
  "forwardWh",
  "reverseWh",
  "meanW",
  "minW",
  "maxW",
  "socPct",
  "storedWh",
  "registerWh",
  "gaugeWh",
  "coverage",
] as const;
export type PartField = (typeof partFields)[number];

/** What rules read of one node in one minute. */
export type Part = Pick<
  NodeAccount,
  "forwardWh" | "reverseWh" | "meanW" | "minW" | "maxW" | "socPct" | "storedWh" | "coverage" | "flags"
> & { readonly check?: { readonly registerWh: number; readonly powerWh: number } };

const none: readonly AccountFlag[] = [];

/** One node of columns; undefined for one that the account does not have. */
export const partOfColumns = (
  columns: NodeParts["columns"],
  flags: NodeParts["flags"],
  place: number,
): Part | undefined => {
  const of = (field: PartField): number | null => {
    const value = columns[field][place] ?? Number.NaN;
    return Number.isNaN(value) ? null : value;
  };
  const coverage = place < 0 ? null : of("coverage");
  if (coverage === null) return undefined;
  const [registerWh, powerWh] = [of("registerWh"), of("gaugeWh")];
  return {
    ...{ forwardWh: of("forwardWh"), reverseWh: of("reverseWh"), meanW: of("meanW"), minW: of("minW") },
    ...{ maxW: of("maxW"), socPct: of("socPct"), storedWh: of("storedWh"), coverage },
    flags: flags.get(place) ?? none,
    ...(registerWh === null || powerWh === null ? {} : { check: { registerWh, powerWh } }),
  };
};

/** The nodes of an account as they came. */
export const partsOfAccount = ({ nodes }: Account, ids: readonly string[]): NodeParts => {
  const columns = Object.fromEntries(partFields.map((field) => [field, new Float64Array(ids.length)])) as Record<
    PartField,
    Float64Array
  >;
  const flags = new Map<number, readonly AccountFlag[]>();
  const part = (id: string): NodeAccount | undefined => (Object.hasOwn(nodes, id) ? nodes[id] : undefined);
  for (let place = 0; place < ids.length; place++) {
    const one = part(ids[place] ?? "");
    columns.forwardWh[place] = one?.forwardWh ?? Number.NaN;
    columns.reverseWh[place] = one?.reverseWh ?? Number.NaN;
    columns.meanW[place] = one?.meanW ?? Number.NaN;
    columns.minW[place] = one?.minW ?? Number.NaN;
    columns.maxW[place] = one?.maxW ?? Number.NaN;
    columns.socPct[place] = one?.socPct ?? Number.NaN;
    columns.storedWh[place] = one?.storedWh ?? Number.NaN;
    columns.registerWh[place] = one?.check?.registerWh ?? Number.NaN;
    columns.gaugeWh[place] = one?.check?.powerWh ?? Number.NaN;
    columns.coverage[place] = one?.coverage ?? Number.NaN;
    if (one !== undefined && one.flags.length > 0) flags.set(place, one.flags);
  }
  return { columns, flags, part };
};
