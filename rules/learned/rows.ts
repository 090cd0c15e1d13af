import { type Json, type Ledger, type LedgerChange, type LedgerRow, timestamp } from "#store";
import type { RampHistory } from "../baseline.ts";
import type { SavedWatch } from "../watch.ts";
import { type Learned, learnedOf } from "./learned.ts";

export const learnedKind = "rules-learned";

/** Changes that came since the row before; how many each hour of the day holds says which of the older ones still count. */
interface RampRow extends Omit<RampHistory, "changes"> {
  readonly changes: Changes;
  readonly counts: Readonly<Record<string, number>>;
}
type Changes = NonNullable<RampHistory["changes"]>;
interface LearnedRow {
  readonly to: number;
  /** Key of the row before; null in the first, which holds everything. */
  readonly previous: string | null;
  readonly facts: Omit<Learned["facts"], "ramp" | "load"> & { readonly ramp: RampRow; readonly load: RampRow };
}

// Half of the day that every warm-up judges: there is a row in each.
const everyMs = 43_200_000;
// Ramps of 30 days, and room for days on which nothing ran.
const mostRows = 200;

const keyOf = (site: string, to: number): string => `${site}/${to}`;

/** What each site learned is written down twice a day of its clock, with the state that it is part of. */
export const openLearned = async (ledger: Pick<Ledger, "list">, sites: readonly string[]) => {
  const last = new Map<string, number>();
  for (const site of sites) {
    const row = await newest(ledger, site, null);
    if (row !== null) last.set(site, row.ts);
  }
  return {
    /** The row that is due, if one is. */
    changes(site: string, saved: SavedWatch): readonly LedgerChange[] {
      const before = last.get(site) ?? null;
      const to = saved.accountedTo;
      if (to === null || (before !== null && to < before + everyMs)) return [];
      const learned = learnedOf(saved);
      if (learned === null) return [];
      last.set(site, to);
      const { ramp, load, ...facts } = learned.facts;
      const row: LearnedRow = {
        to,
        previous: before === null ? null : keyOf(site, before),
        facts: { ...facts, ramp: rampRow(ramp, before), load: rampRow(load ?? {}, before) },
      };
      const body = row as unknown as Json;
      return [{ op: "put", kind: learnedKind, key: keyOf(site, to), site, ts: timestamp(to), body }];
    },
  };
};

/** What a site had learned before a time, as the newest row says; null where there is none. */
export const learnedBefore = async (
  ledger: Pick<Ledger, "list" | "get">,
  site: string,
  at: number,
): Promise<Learned | null> => {
  const newestRow = await newest(ledger, site, at);
  if (newestRow === null) return null;
  const first = rowOf(newestRow);
  // Newest first.
  const rows = [first];
  for (let one = first; one.previous !== null && !isComplete(rows); ) {
    const older = rows.length < mostRows ? await ledger.get(learnedKind, one.previous) : null;
    if (older === null) return null;
    one = rowOf(older);
    rows.push(one);
  }
  return { to: first.to, facts: { ...first.facts, ramp: rampOf(rows, "ramp"), load: rampOf(rows, "load") } };
};

const newest = async (ledger: Pick<Ledger, "list">, site: string, at: number | null): Promise<LedgerRow | null> => {
  const to = at === null ? {} : { to: timestamp(at) };
  const page = await ledger.list({ kind: learnedKind, site, ...to, order: "newest-first", limit: 1 });
  return page.items[0] ?? null;
};
const rowOf = ({ body }: LedgerRow): LearnedRow => body as unknown as LearnedRow;

const rampRow = ({ changes = {}, ...ramp }: RampHistory, since: number | null): RampRow => {
  const hours = Object.entries(changes);
  return {
    ...ramp,
    counts: Object.fromEntries(hours.map(([hour, all]) => [hour, all.length])),
    changes: Object.fromEntries(hours.map(([hour, all]) => [hour, all.filter(([at]) => since === null || at > since)])),
  };
};

type Ramp = "ramp" | "load";
const seen = (rows: readonly LearnedRow[], name: Ramp, hour: string): number =>
  rows.reduce((sum, { facts }) => sum + (facts[name].changes[hour]?.length ?? 0), 0);
const isComplete = (rows: readonly LearnedRow[]): boolean =>
  (["ramp", "load"] as const).every((name) =>
    Object.entries(rows[0]?.facts[name].counts ?? {}).every(([hour, count]) => seen(rows, name, hour) >= count),
  );

const rampOf = (rows: readonly LearnedRow[], name: Ramp): RampHistory => {
  const { counts = {}, changes: _, ...ramp } = rows[0]?.facts[name] ?? {};
  const oldestFirst = rows.toReversed();
  const changes = Object.entries(counts).map(([hour, count]) => {
    const all = oldestFirst.flatMap(({ facts }) => facts[name].changes[hour] ?? []);
    return [hour, all.slice(all.length - count)] as const;
  });
  return changes.length === 0 ? ramp : { ...ramp, changes: Object.fromEntries(changes) };
};
