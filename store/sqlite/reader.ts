import type { DatabaseSync } from "node:sqlite";
import { expiredCursor, formatCursor, parseCount, parseCursor } from "../cursor.ts";
import type { Reading } from "../reading.ts";
import {
  type Correction,
  type DeviceSeen,
  type FollowPage,
  type LatestQuery,
  type LatestReading,
  type Page,
  type ReadQuery,
  type RollupStep,
  type Series,
  type SeriesQuery,
  steps,
} from "../readings.ts";
import { type RollupRow, rollupColumns, windowStart } from "../rollup.ts";
import { timestamp } from "../unit.ts";
import { bytesOf, transact } from "./file.ts";
import { freshLonger, freshMinutes, settle, stretches, type Windows } from "./fresh.ts";
import { type Raw, readMeta, readRolled } from "./readings-file.ts";
import { countedFlag, createShapes, decodeReading } from "./row.ts";
import { createSampleReader } from "./samples.ts";
import { addRow, type Summary, summaryOf } from "./summary.ts";
import { createKeptWindows, pick } from "./windows.ts";

/** What the reader's worker answers: the reading half of the port. */
export interface ReaderCalls {
  read(query: ReadQuery): Page<Reading>;
  series(query: SeriesQuery): Series;
  latest(query: LatestQuery): readonly LatestReading[];
  corrections(query: ReadQuery): Page<Correction>;
  devices(site: string | null): readonly DeviceSeen[];
  follow(query: {
    readonly cursor: string | null;
    readonly sites: readonly string[] | null;
    limit: number;
  }): FollowPage;
  head(argument: null): string;
  bytes(argument: null): number;
}

const maxPage = 10_000;
// Rows that a follower of few sites passes over in one look.
const followRows = 20_000;

export const createReader = (db: DatabaseSync, path: string, gapMs: number): ReaderCalls => {
  const id = readMeta(db, "id");
  const shapes = createShapes(db);
  const samplesOf = createSampleReader(db, shapes);
  const windows = createKeptWindows(db, shapes);
  const siteDevices = db.prepare("SELECT id, device FROM device WHERE site = ? ORDER BY device");
  const oneDevice = db.prepare("SELECT id, device FROM device WHERE site = ? AND device = ?");
  const summaryById = db.prepare("SELECT * FROM device WHERE id = ?");
  const siteSummaries = db.prepare("SELECT * FROM device WHERE site = ?");
  const allSummaries = db.prepare("SELECT * FROM device");
  const deviceById = db.prepare("SELECT site, device FROM device WHERE id = ?");
  const nextTs = db.prepare("SELECT min(ts) AS ts FROM reading WHERE device = ? AND ts >= ?");
  const slice = db.prepare("SELECT * FROM reading WHERE device = ? AND ts >= ? AND ts < ? ORDER BY ts LIMIT ?");
  // The plus sign keeps SQLite from the other index: the tail is short, a device's history is not.
  const tailTimes = db.prepare("SELECT ts FROM reading WHERE seq > ? AND +device = ?");
  const tailHeads = db.prepare("SELECT device, ts, flags, shape FROM reading WHERE seq > ?");
  const tail = db.prepare("SELECT * FROM reading WHERE seq > ? ORDER BY seq");
  const commits = db.prepare("SELECT * FROM reading WHERE seq > ? ORDER BY seq LIMIT ?");
  const maxSeq = db.prepare("SELECT max(seq) AS seq FROM reading");

  const names = new Map<number, { readonly site: string; readonly device: string }>();
  const nameOf = (device: number) => {
    const known = names.get(device);
    if (known !== undefined) return known;
    const raw = deviceById.get(device);
    const name = { site: String(raw?.site), device: String(raw?.device) };
    names.set(device, name);
    return name;
  };

  const devicesOf = (site: string, device?: string) =>
    (device === undefined ? siteDevices.all(site) : oneDevice.all(site, device)).map((raw) => ({
      id: Number(raw.id),
      name: String(raw.device),
    }));

  const headSeq = () => Math.max(readRolled(db), Number(maxSeq.get()?.seq ?? 0));
  const cursorAt = (seq: number) => formatCursor([id, seq]);
  const seqOf = (cursor: string | null): number => {
    if (cursor === null) return 0;
    const [store, text] = parseCursor(cursor, 2);
    const seq = parseCount(text, cursor);
    if (store !== id || seq > headSeq()) throw expiredCursor(cursor);
    return seq;
  };

  const snapshot = <Result>(work: () => Result): Result => transact(db, "DEFERRED", work);

  const read = (query: ReadQuery): Page<Reading> => {
    const limit = Math.min(query.limit, maxPage);
    const devices = devicesOf(query.site, query.device);
    const [afterTs, afterDevice = ""] = query.cursor === undefined ? [] : parseCursor(query.cursor, 2);
    const resume = afterTs === undefined ? null : parseCount(afterTs, query.cursor ?? "");
    let from: number = resume ?? query.from;
    let found: { ts: number; device: { id: number; name: string }; raw: Raw }[] = [];
    // Slices of time grow until the page is full, so that no page sorts the whole range.
    let sliceMs = devices.length === 1 ? query.to - from : 1000;
    while (found.length <= limit && from < query.to && devices.length > 0) {
      if (devices.length > 1) {
        const start = from;
        from = devices
          .map((device) => Number(nextTs.get(device.id, start)?.ts ?? query.to))
          .reduce((least, ts) => Math.min(least, ts), Number(query.to));
      }
      const to = Math.min(query.to, from + sliceMs);
      const rows = devices.flatMap((device) =>
        slice
          .all(device.id, from, to, limit + 2)
          .map((raw) => ({ ts: Number(raw.ts), device, raw }))
          .filter(({ ts }) => ts !== resume || device.name > afterDevice),
      );
      found = found.concat(rows.sort((a, b) => a.ts - b.ts || (a.device.name < b.device.name ? -1 : 1)));
      from = to;
      if (found.length < limit / 4) sliceMs *= 4;
    }
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(({ device, raw }) => decodeReading(raw, query.site, device.name, shapes)),
      next: last === undefined || found.length <= limit ? null : formatCursor([last.ts, last.device.name]),
    };
  };

  const rolled = (query: SeriesQuery, step: RollupStep): Windows => {
    const [device] = devicesOf(query.site, query.device);
    if (device === undefined) return new Map();
    const row = summaryById.get(device.id);
    const bounds = row === undefined ? undefined : summaryOf(row);
    const kept = (name: RollupStep) => (from: number, to: number) =>
      pick(windows.read(name, device.id, from, to, query.quantity), query.quantity);
    const all = new Map<number, RollupRow>();
    if (bounds !== undefined && bounds.lastTs >= bounds.firstTs) {
      const from = Math.max(query.from, windowStart(bounds.firstTs, steps[step]));
      for (const [start, row] of kept(step)(from, Math.min(query.to, bounds.lastTs + 1))) all.set(start, row);
    }
    const minutes = new Map<number, RollupRow>();
    const touched = tailTimes.all(readRolled(db), device.id).map((raw) => Number(raw.ts));
    for (const stretch of stretches(touched, gapMs)) {
      if (stretch.to + steps[step] < query.from || stretch.from - steps[step] > query.to) continue;
      const samples = samplesOf(device.id, stretch.from, stretch.to, query.quantity).get(query.quantity);
      if (samples === undefined) continue;
      for (const [start, row] of settle(freshMinutes(samples, stretch.touched, gapMs), kept("1m")))
        minutes.set(start, row);
    }
    const quarters = () => settle(freshLonger(minutes, "15m", kept("1m")), kept("15m"));
    const fresh =
      step === "1m"
        ? minutes
        : step === "15m"
          ? quarters()
          : settle(freshLonger(quarters(), "1h", kept("15m")), kept("1h"));
    for (const [start, row] of fresh) all.set(start, row);
    return all;
  };

  const seenOf = (summaries: readonly Summary[]): readonly DeviceSeen[] => {
    const seen = new Map(
      summaries.map(({ id, site, device, firstTs, lastTs, readings, newest: values }) => [
        id,
        { site, device, firstTs, lastTs, readings, names: new Set(values.keys()), shapes: new Set<number>() },
      ]),
    );
    for (const raw of tailHeads.iterate(readRolled(db))) {
      const device = seen.get(Number(raw.device));
      if (device === undefined) continue;
      const ts = Number(raw.ts);
      if (ts < device.firstTs) device.firstTs = ts;
      if (ts > device.lastTs) device.lastTs = ts;
      if ((Number(raw.flags) & countedFlag) === 0) device.readings++;
      device.shapes.add(Number(raw.shape));
    }
    return [...seen.values()]
      .filter((device) => device.lastTs >= 0)
      .map(({ site, device, firstTs, lastTs, readings, names: known, shapes: more }) => ({
        site,
        device,
        quantities: [...new Set([...known, ...[...more].flatMap((shape) => shapes.names(shape))])].sort(),
        firstSeen: timestamp(firstTs),
        lastSeen: timestamp(lastTs),
        readings,
      }));
  };

  // The newest values stay in memory; each call adds what was committed since the last one.
  const newest = new Map<string, Map<number, Summary>>();
  let newestSeq = -1;
  const remember = (summary: Summary): Summary => {
    const site = newest.get(summary.site) ?? new Map<number, Summary>();
    newest.set(summary.site, site.set(summary.id, summary));
    return summary;
  };
  const catchUp = () => {
    if (newestSeq < 0) {
      for (const raw of allSummaries.iterate()) remember(summaryOf(raw));
      newestSeq = readRolled(db);
    }
    for (const raw of tail.iterate(newestSeq)) {
      const id = Number(raw.device);
      const known = newest.get(nameOf(id).site)?.get(id);
      const stored = known === undefined ? summaryById.get(id) : undefined;
      const summary = known ?? (stored === undefined ? undefined : remember(summaryOf(stored)));
      if (summary !== undefined) addRow(summary, raw, shapes);
      newestSeq = Number(raw.seq);
    }
  };

  return {
    read: (query) => snapshot(() => read(query)),

    series: (query) =>
      snapshot(() => {
        if (query.step !== "raw") {
          const rows = [...rolled(query, query.step).values()]
            .filter((row) => row.start >= query.from && row.start < query.to)
            .sort((a, b) => a.start - b.start);
          return { step: query.step, ...rollupColumns(rows) };
        }
        const [device] = devicesOf(query.site, query.device);
        const samples =
          device === undefined
            ? undefined
            : samplesOf(device.id, query.from, query.to, query.quantity).get(query.quantity);
        return { step: "raw", ts: samples?.ts ?? [], value: samples?.value ?? [] };
      }),

    latest: ({ site, devices }) =>
      snapshot(() => {
        catchUp();
        const found = [...(newest.get(site)?.values() ?? [])];
        const wanted = devices === undefined ? null : new Set(devices);
        return found
          .filter((summary) => summary.lastTs >= 0 && (wanted === null || wanted.has(summary.device)))
          .map(latestOf)
          .sort((a, b) => (a.device < b.device ? -1 : 1));
      }),

    corrections: (query) => {
      const limit = Math.min(query.limit, maxPage);
      const [ts = "0", device = "", quantity = "", last = "0"] =
        query.cursor === undefined ? [] : parseCursor(query.cursor, 4);
      const cursor = query.cursor ?? "";
      const one = query.device === undefined ? "" : "AND device.device = ?";
      const after = query.cursor === undefined ? "" : "AND (ts, device.device, quantity, correction.id) > (?, ?, ?, ?)";
      const rows = db
        .prepare(
          `SELECT correction.*, device.device AS name FROM device JOIN correction ON correction.device = device.id
           WHERE site = ? AND ts >= ? AND ts < ? ${one} ${after} ORDER BY ts, name, quantity, correction.id LIMIT ?`,
        )
        .all(
          ...[query.site, query.from, query.to],
          ...(query.device === undefined ? [] : [query.device]),
          ...(query.cursor === undefined ? [] : [parseCount(ts, cursor), device, quantity, parseCount(last, cursor)]),
          limit + 1,
        );
      const end = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        items: rows.slice(0, limit).map((raw) => ({
          site: query.site,
          device: String(raw.name),
          ts: timestamp(Number(raw.ts)),
          quantity: String(raw.quantity),
          was: Number(raw.was),
          replaced: timestamp(Number(raw.replaced)),
        })),
        next:
          end === undefined
            ? null
            : formatCursor([Number(end.ts), String(end.name), String(end.quantity), Number(end.id)]),
      };
    },

    devices: (site) =>
      snapshot(() => {
        const summaries = site === null ? allSummaries.all() : siteSummaries.all(site);
        return [...seenOf(summaries.map(summaryOf))].sort((a, b) =>
          a.site === b.site ? (a.device < b.device ? -1 : 1) : a.site < b.site ? -1 : 1,
        );
      }),

    follow: ({ cursor, sites, limit }) =>
      snapshot(() => {
        let seq = seqOf(cursor);
        const readings: Reading[] = [];
        const wanted = sites === null ? null : new Set(sites);
        const most = Math.min(limit, maxPage);
        for (;;) {
          const rows = commits.all(seq, wanted === null ? most : followRows);
          for (const raw of rows) {
            const { site, device } = nameOf(Number(raw.device));
            if (wanted !== null && !wanted.has(site)) {
              seq = Number(raw.seq);
              continue;
            }
            if (readings.length >= most) break;
            seq = Number(raw.seq);
            readings.push(decodeReading(raw, site, device, shapes));
          }
          if (readings.length > 0 || rows.length < followRows) return { readings, cursor: cursorAt(seq) };
        }
      }),

    head: () => snapshot(() => cursorAt(headSeq())),

    bytes: () => bytesOf(path),
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
