import { type Alert, alertStates, severities } from "../alert.ts";
import type { AlertQuery, Wanted } from "../rules.ts";
import { createNames, type Names } from "./names.ts";
import { dearerBy, type Loss, type WasteKey } from "./rank.ts";

// blocks, oldest first:  [ id start active end site rule … ][ … ][ … ]   each column an array, sorted by start and id

/** Where an alert stands: by start, then id; neither ever changes. */
export interface Place {
  readonly start: number;
  readonly id: string;
}

export type AlertFilter = Omit<AlertQuery, "limit" | "cursor"> & {
  /** Only those that last at or after it; an open one lasts for ever. */
  readonly endsAfter?: number;
};

/** What alerts are found by, in memory: some hundred bytes each. */
export interface AlertIndex {
  /** Adds an alert, or what it has become. */
  put(alert: Alert): void;
  /** What was lost while it lasted. */
  price(place: Place, loss: Loss): void;
  drop(place: Place): void;
  /** Newest first, from the one after `after`. */
  page(filter: AlertFilter, after: Place | null, limit: number): readonly Place[];
  /** Those whose loss was worked out, the dearest first. */
  dearest(filter: AlertFilter, limit: number, by: WasteKey): readonly (Place & Loss)[];
  readonly size: number;
}

const blockRows = 1024;

interface Block {
  readonly id: string[];
  readonly start: number[];
  /** NaN: never was. */
  readonly active: number[];
  /** Infinity: still open. */
  readonly end: number[];
  readonly site: number[];
  readonly rule: number[];
  readonly subject: number[];
  readonly subcode: number[];
  readonly title: number[];
  /** State, severity, shadow, never active, in bits. */
  readonly marks: number[];
  /** What people wrote, lower-case. */
  readonly said: string[];
  /** NaN: not worked out. */
  readonly energyWh: number[];
  readonly cost: number[];
  readonly carbonG: number[];
}
type Row = { readonly [Column in keyof Block]: Block[Column][number] };
type Test = (block: Block, at: number) => boolean;

const severityShift = 4;
const shadowBit = 64;
const neverBit = 128;

const unpriced: Loss = { energyWh: Number.NaN, cost: Number.NaN, carbonG: Number.NaN };

const isBefore = (a: Place, b: Place): boolean => a.start < b.start || (a.start === b.start && a.id < b.id);

export const createAlertIndex = (): AlertIndex => {
  const names = {
    site: createNames(),
    rule: createNames(),
    subject: createNames(),
    subcode: createNames(),
    title: createNames(),
  } satisfies Partial<Record<keyof Block, Names>>;
  const blocks: Block[] = [];
  let size = 0;

  const placeAt = (block: Block, at: number): Place => ({ start: block.start[at] ?? 0, id: block.id[at] ?? "" });

  /** The last block that begins at or before the place; the first when none does. */
  const blockOf = (place: Place): number => {
    let [low, high] = [0, blocks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const block = blocks[middle];
      if (block !== undefined && isBefore(place, placeAt(block, 0))) high = middle - 1;
      else low = middle;
    }
    return low;
  };
  /** How many of the block come before the place. */
  const rowsBefore = (block: Block, place: Place): number => {
    let [low, high] = [0, block.id.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(placeAt(block, middle), place)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const find = (place: Place): readonly [block: Block, at: number] | null => {
    const block = blocks[blockOf(place)];
    if (block === undefined) return null;
    const at = rowsBefore(block, place);
    return block.id[at] === place.id ? [block, at] : null;
  };

  const lossAt = (block: Block, at: number): Loss => ({
    energyWh: block.energyWh[at] ?? Number.NaN,
    cost: block.cost[at] ?? Number.NaN,
    carbonG: block.carbonG[at] ?? Number.NaN,
  });

  const rowOf = (alert: Alert, loss: Loss): Row => ({
    id: alert.id,
    start: alert.start,
    active: alert.active ?? Number.NaN,
    end: alert.returned ?? alert.closed ?? Number.POSITIVE_INFINITY,
    site: names.site.code(alert.site),
    rule: names.rule.code(alert.rule),
    subject: names.subject.code(alert.subject),
    subcode: names.subcode.code(alert.subcode),
    title: names.title.code(`${alert.title.en}\n${alert.title["zh-CN"]}`),
    marks:
      alertStates.indexOf(alert.state) |
      (severities.indexOf(alert.severity) << severityShift) |
      (alert.shadow === true ? shadowBit : 0) |
      (alert.state === "CLOSED" && alert.active === null ? neverBit : 0),
    said: [alert.assignee, alert.acknowledged?.by, alert.acknowledged?.reason, ...alert.comments.map((one) => one.text)]
      .join("\n")
      .trim()
      .toLowerCase(),
    ...loss,
  });

  const insert = (row: Row): void => {
    const number = blocks.length === 0 ? 0 : blockOf(row);
    let block = blocks[number];
    if (block === undefined) {
      block = emptyBlock();
      blocks.push(block);
    }
    const at = rowsBefore(block, row);
    for (const column of columns) (block[column] as unknown[]).splice(at, 0, row[column]);
    size++;
    if (block.id.length <= blockRows) return;
    // History comes in order, from one end or the other: a full block stays whole and the new one begins with the last.
    const cut = at === blockRows ? blockRows : at === 0 ? 1 : blockRows >> 1;
    const rest = emptyBlock();
    for (const column of columns) (rest[column] as unknown[]).push(...(block[column] as unknown[]).splice(cut));
    blocks.splice(number + 1, 0, rest);
  };

  const chosen = (column: "site" | "rule" | "subject", wanted: Wanted<string> | undefined): Test[] => {
    if (wanted === undefined) return [];
    const { match, values } = typeof wanted === "string" ? ({ match: "in", values: [wanted] } as const) : wanted;
    const codes = names[column].choose(values, match);
    return [(block, at) => codes[block[column][at] ?? 0] === 1];
  };

  const marked = (
    known: readonly string[],
    shift: number,
    mask: number,
    wanted: Wanted<string> | undefined,
  ): Test[] => {
    if (wanted === undefined) return [];
    const { match, values } = typeof wanted === "string" ? ({ match: "in", values: [wanted] } as const) : wanted;
    const allowed = known.map((name) => values.includes(name) === (match === "in"));
    return [({ marks }, at) => allowed[((marks[at] ?? 0) >> shift) & mask] === true];
  };

  /** Each word somewhere: in the names, the title in either language, or in what people wrote. */
  const worded = (text: string | undefined): Test[] =>
    (text ?? "")
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "")
      .map((word) => {
        const hits = wordColumns.map((column) => [column, names[column].holding(word)] as const);
        return (block, at) =>
          hits.some(([column, codes]) => codes[block[column][at] ?? 0] === 1) || (block.said[at] ?? "").includes(word);
      });

  const testsOf = (filter: AlertFilter): readonly Test[] => {
    const shown = filter.shadow === true ? shadowBit : 0;
    const { activeFrom, activeTo, endsAfter } = filter;
    return [
      ({ marks }, at) => ((marks[at] ?? 0) & (shadowBit | neverBit)) === shown,
      ...chosen("site", filter.site),
      ...chosen("rule", filter.rule),
      ...chosen("subject", filter.subject),
      ...marked(alertStates, 0, 15, filter.state),
      ...marked(severities, severityShift, 3, filter.severity),
      ...(activeFrom === undefined ? [] : [({ active }: Block, at: number) => (active[at] ?? 0) >= activeFrom]),
      ...(activeTo === undefined ? [] : [({ active }: Block, at: number) => (active[at] ?? 0) < activeTo]),
      ...(endsAfter === undefined ? [] : [({ end }: Block, at: number) => (end[at] ?? 0) >= endsAfter]),
      ...worded(filter.text),
    ];
  };

  /** Calls `take` for what passes, newest first, until it says false. */
  const scan = (filter: AlertFilter, after: Place | null, take: (block: Block, at: number) => boolean): void => {
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = filter;
    const tests = testsOf(filter);
    for (let number = after === null ? blocks.length - 1 : blockOf(after); number >= 0; number--) {
      const block = blocks[number];
      if (block === undefined || (block.start[0] ?? 0) >= to) continue;
      if ((block.start.at(-1) ?? 0) < from) return;
      const first = after === null ? block.id.length : rowsBefore(block, after);
      for (let at = first - 1; at >= 0; at--) {
        const start = block.start[at] ?? 0;
        if (start >= to) continue;
        if (start < from) return;
        if (tests.every((test) => test(block, at)) && !take(block, at)) return;
      }
    }
  };

  return {
    put(alert) {
      const found = find(alert);
      if (found === null) {
        insert(rowOf(alert, unpriced));
        return;
      }
      const [block, at] = found;
      const row = rowOf(alert, lossAt(block, at));
      for (const column of columns) (block[column] as unknown[])[at] = row[column];
    },
    price(place, { energyWh, cost, carbonG }) {
      const found = find(place);
      if (found === null) return;
      const [block, at] = found;
      block.energyWh[at] = energyWh;
      block.cost[at] = cost;
      block.carbonG[at] = carbonG;
    },
    drop(place) {
      const found = find(place);
      if (found === null) return;
      const [block, at] = found;
      for (const column of columns) (block[column] as unknown[]).splice(at, 1);
      size--;
      if (block.id.length === 0) blocks.splice(blocks.indexOf(block), 1);
    },
    page(filter, after, limit) {
      const found: Place[] = [];
      scan(filter, after, (block, at) => found.push(placeAt(block, at)) < limit);
      return found;
    },
    dearest(filter, limit, by) {
      const order = dearerBy(by);
      let found: (Place & Loss)[] = [];
      let least: Loss | null = null;
      const cut = (): void => {
        found = found.sort((a, b) => order(a, b) || (isBefore(a, b) ? 1 : -1)).slice(0, limit);
        if (found.length === limit) least = found.at(-1) ?? null;
      };
      scan(filter, null, (block, at) => {
        const loss = lossAt(block, at);
        // Of equal ones the newer came first.
        if (Number.isNaN(loss.energyWh) || (least !== null && order(least, loss) <= 0)) return true;
        found.push({ ...placeAt(block, at), ...loss });
        if (found.length >= 2 * limit) cut();
        return true;
      });
      cut();
      return found;
    },
    get size() {
      return size;
    },
  };
};

const wordColumns = ["site", "rule", "subject", "subcode", "title"] as const;

const emptyBlock = (): Block => ({
  ...{ id: [], start: [], active: [], end: [], site: [], rule: [], subject: [], subcode: [], title: [] },
  ...{ marks: [], said: [], energyWh: [], cost: [], carbonG: [] },
});
const columns = Object.keys(emptyBlock()) as readonly (keyof Block)[];
