import type { DatabaseSync } from "node:sqlite";
import type { DeviceSeen, LatestReading } from "../readings.ts";
import { timestamp } from "../unit.ts";
import type { Chunk } from "./chunk.ts";
import { countedFlag, type Shapes } from "./row.ts";
import { addRow, type Summary, summaryOf } from "./summary.ts";

//  summaries ─┐
//             ├─▶ numbers by device: values of its shape, one time for all of them
//  new rows ──┘      └─ late or other rows ─▶ a summary of its own

/** The newest values of all devices, in some hundred bytes each; every call adds what was committed since. */
export interface Newest {
  latest(site: string, devices: readonly string[] | undefined): readonly LatestReading[];
  seen(site: string | null): readonly DeviceSeen[];
  /** Gives the memory back when nobody asked since the last time. */
  tidy(): void;
}

export interface NewestDeps {
  readonly shapes: Shapes;
  /** Sequence up to which rows are in the summaries. */
  readonly rolled: () => number;
  /** Sequence of the oldest row of the log. */
  readonly first: () => number | undefined;
  readonly after: (seq: number) => Iterable<Chunk>;
}

/** Devices that always send the same quantities. */
interface Form {
  readonly names: readonly string[];
  values: Float64Array;
  count: number;
}

export const createNewest = (db: DatabaseSync, { shapes, rolled, first, after }: NewestDeps): Newest => {
  const allSummaries = db.prepare("SELECT * FROM device");
  const siteDevices = db.prepare("SELECT id, site, device FROM device WHERE site = ? ORDER BY device");
  const oneDevice = db.prepare("SELECT id, site, device FROM device WHERE site = ? AND device = ?");
  const allDevices = db.prepare("SELECT id, site, device FROM device ORDER BY site, device");
  const siteOfId = db.prepare("SELECT site, device FROM device WHERE id = ?");

  let capacity = 1024;
  let lastTs = new Float64Array(capacity);
  let firstTs = new Float64Array(capacity);
  let received = new Float64Array(capacity);
  let readings = new Float64Array(capacity);
  let seqs = new Float64Array(capacity);
  // Of a device: its form + 1, 0 has none; and its place there.
  let formOf = new Int32Array(capacity);
  let placeOf = new Int32Array(capacity);
  let forms: Form[] = [];
  const formByNames = new Map<string, number>();
  const formByShape = new Map<number, number>();
  const odd = new Map<number, Summary>();
  let until = -1;
  let isUsed = false;

  const grow = (id: number) => {
    capacity = Math.max(2 * capacity, id + 1);
    lastTs = wider(lastTs, new Float64Array(capacity));
    firstTs = wider(firstTs, new Float64Array(capacity));
    received = wider(received, new Float64Array(capacity));
    readings = wider(readings, new Float64Array(capacity));
    seqs = wider(seqs, new Float64Array(capacity));
    formOf = wider(formOf, new Int32Array(capacity));
    placeOf = wider(placeOf, new Int32Array(capacity));
  };
  const shrink = () => {
    capacity = 1024;
    lastTs = new Float64Array(capacity);
    firstTs = new Float64Array(capacity);
    received = new Float64Array(capacity);
    readings = new Float64Array(capacity);
    seqs = new Float64Array(capacity);
    formOf = new Int32Array(capacity);
    placeOf = new Int32Array(capacity);
  };

  const formNumber = (names: readonly string[]): number => {
    const key = names.join(" ");
    const known = formByNames.get(key);
    if (known !== undefined) return known;
    formByNames.set(key, forms.length);
    return forms.push({ names, values: new Float64Array(names.length * 64), count: 0 }) - 1;
  };
  const formOfShape = (shape: number): number => {
    const known = formByShape.get(shape);
    if (known !== undefined) return known;
    const number = formNumber(shapes.names(shape));
    formByShape.set(shape, number);
    return number;
  };
  const formAt = (number: number): Form => {
    const form = forms[number];
    if (form === undefined) throw new Error(`BUG: no form ${number}`);
    return form;
  };

  const enter = (id: number, number: number): void => {
    const form = formAt(number);
    const size = form.names.length;
    if ((form.count + 1) * size > form.values.length)
      form.values = wider(form.values, new Float64Array(2 * form.values.length));
    formOf[id] = number + 1;
    placeOf[id] = form.count * size;
    form.count += 1;
  };

  const load = (summary: Summary): void => {
    const { id, newest } = summary;
    if (id >= capacity) grow(id);
    for (const { ts } of newest.values())
      if (ts !== summary.lastTs) {
        odd.set(id, summary);
        return;
      }
    if (newest.size === 0) return;
    const number = formNumber([...newest.keys()]);
    enter(id, number);
    let at = placeOf[id] ?? 0;
    const { values } = formAt(number);
    for (const { value } of newest.values()) values[at++] = value;
    lastTs[id] = summary.lastTs;
    firstTs[id] = summary.firstTs;
    received[id] = summary.received;
    readings[id] = summary.readings;
    seqs[id] = summary.seq;
  };

  const name = (id: number) => {
    const raw = siteOfId.get(id);
    return { site: String(raw?.site), device: String(raw?.device) };
  };
  /** What the columns hold of a device. */
  const summary = (id: number, names: { readonly site: string; readonly device: string }): Summary | null => {
    const own = odd.get(id);
    if (own !== undefined) return own;
    const number = (formOf[id] ?? 0) - 1;
    if (number < 0) return null;
    const { names: quantities, values } = formAt(number);
    const [ts, from] = [lastTs[id] ?? 0, placeOf[id] ?? 0];
    return {
      id,
      site: names.site,
      device: names.device,
      firstTs: firstTs[id] ?? 0,
      lastTs: ts,
      received: received[id] ?? 0,
      readings: readings[id] ?? 0,
      seq: seqs[id] ?? 0,
      newest: new Map(quantities.map((quantity, index) => [quantity, { value: values[from + index] ?? 0, ts }])),
    };
  };

  const add = (chunk: Chunk, row: number): void => {
    const id = chunk.device[row] ?? 0;
    const seq = chunk.first + row;
    if (id >= capacity) grow(id);
    const own = odd.get(id);
    if (own !== undefined) {
      addRow(own, chunk, row, seq, shapes);
      return;
    }
    const number = formOfShape(chunk.shape[row] ?? 0);
    const ts = chunk.ts[row] ?? 0;
    if (formOf[id] === 0) {
      // All rows of a device that has no summary are here.
      enter(id, number);
      lastTs[id] = -1;
      firstTs[id] = ts;
      readings[id] = 0;
      seqs[id] = 0;
    } else if (seq <= (seqs[id] ?? 0)) return;
    else if (formOf[id] !== number + 1 || ts < (lastTs[id] ?? 0)) {
      const moved = summary(id, name(id));
      if (moved === null) throw new Error(`BUG: nothing is known of device ${id}`);
      odd.set(id, moved);
      addRow(moved, chunk, row, seq, shapes);
      return;
    }
    const { values, names } = formAt(number);
    const [to, from] = [placeOf[id] ?? 0, chunk.start[row] ?? 0];
    for (let index = 0; index < names.length; index += 1) values[to + index] = chunk.value[from + index] ?? Number.NaN;
    lastTs[id] = ts;
    received[id] = chunk.received(row);
    seqs[id] = seq;
    if (((chunk.flags[row] ?? 0) & countedFlag) === 0) readings[id] = (readings[id] ?? 0) + 1;
    if (ts < (firstTs[id] ?? 0)) firstTs[id] = ts;
  };

  const forget = () => {
    formOf.fill(0);
    forms = [];
    formByNames.clear();
    formByShape.clear();
    odd.clear();
    until = -1;
  };

  const catchUp = () => {
    isUsed = true;
    // Not asked for so long that the log has moved on: the summaries know all that is gone from it.
    if (until >= 0 && until < rolled() && until + 1 < (first() ?? 0)) forget();
    if (until < 0) {
      for (const raw of allSummaries.iterate()) load(summaryOf(raw));
      until = rolled();
    }
    for (const chunk of after(until)) {
      for (let row = Math.max(0, until + 1 - chunk.first); row < chunk.rows; row += 1) add(chunk, row);
      until = chunk.first + chunk.rows - 1;
    }
  };

  const each = <Result>(rows: Iterable<Record<string, unknown>>, take: (summary: Summary) => Result): Result[] => {
    const found: Result[] = [];
    for (const { id, site, device } of rows) {
      const known = summary(Number(id), { site: String(site), device: String(device) });
      if (known !== null && known.lastTs >= 0) found.push(take(known));
    }
    return found;
  };

  return {
    latest: (site, devices) => {
      catchUp();
      const rows =
        devices === undefined
          ? siteDevices.iterate(site)
          : [...new Set(devices)].sort().flatMap((device) => oneDevice.all(site, device));
      return each(rows, latestOf);
    },
    seen: (site) => {
      catchUp();
      return each(site === null ? allDevices.iterate() : siteDevices.iterate(site), seenOf);
    },
    tidy: () => {
      if (!isUsed && until >= 0) {
        forget();
        shrink();
      }
      isUsed = false;
    },
  };
};

const latestOf = (summary: Summary): LatestReading => ({
  site: summary.site,
  device: summary.device,
  ts: timestamp(summary.lastTs),
  received: timestamp(summary.received),
  quantities: Object.fromEntries(
    [...summary.newest].map(([name, { value, ts }]) => [name, { value, ts: timestamp(ts) }]),
  ),
});

const seenOf = ({ site, device, firstTs, lastTs, readings, newest }: Summary): DeviceSeen => ({
  site,
  device,
  quantities: [...newest.keys()].sort(),
  firstSeen: timestamp(firstTs),
  lastSeen: timestamp(lastTs),
  readings,
});

const wider = <Column extends Float64Array | Int32Array>(old: Column, fresh: Column): Column => {
  fresh.set(old);
  return fresh;
};
