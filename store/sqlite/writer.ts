import type { DatabaseSync } from "node:sqlite";
import { refusal } from "../check.ts";
import { mergeReading } from "../merge.ts";
import type { Reading } from "../reading.ts";
import type { WriteResult } from "../readings.ts";
import { transact } from "./file.ts";
import { readRolled } from "./readings-file.ts";
import { countedFlag, createShapes, decodeReading, encodeFlags, encodeValues } from "./row.ts";

// batch ─┐
// batch ─┼─▶ one transaction ─▶ COMMIT (fsync) ─▶ every batch is answered
// batch ─┘

interface Known {
  readonly id: number;
  lastTs: number;
}

export interface Writer {
  /** Stores the batches in one transaction; durable when it returns. */
  write(batches: readonly (readonly Reading[])[]): WriteResult[];
}

/** The only one who writes readings into an open file. */
export const createWriter = (db: DatabaseSync): Writer => {
  const shapes = createShapes(db);
  const devices = new Map<string, Known>();
  const insertDevice = db.prepare("INSERT INTO device(site, device) VALUES (?, ?)");
  const insert = db.prepare(
    "INSERT INTO reading(seq, device, ts, delay, flags, shape, value) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const find = db.prepare("SELECT * FROM reading WHERE device = ? AND ts = ?");
  const remove = db.prepare("DELETE FROM reading WHERE seq = ?");
  const insertCorrection = db.prepare(
    "INSERT INTO correction(device, ts, quantity, was, replaced) VALUES (?, ?, ?, ?, ?)",
  );
  let seq = 0;
  let rolled = 0;

  const load = () => {
    shapes.forget();
    devices.clear();
    rolled = readRolled(db);
    seq = Math.max(rolled, Number(db.prepare("SELECT max(seq) AS seq FROM reading").get()?.seq ?? 0));
    const byId = new Map<number, Known>();
    for (const raw of db.prepare("SELECT id, site, device, last_ts FROM device").iterate()) {
      const known = { id: Number(raw.id), lastTs: Number(raw.last_ts ?? -1) };
      devices.set(`${raw.site}/${raw.device}`, known);
      byId.set(known.id, known);
    }
    for (const raw of db.prepare("SELECT device, ts FROM reading WHERE seq > ?").iterate(rolled)) {
      const known = byId.get(Number(raw.device));
      if (known !== undefined) known.lastTs = Math.max(known.lastTs, Number(raw.ts));
    }
  };

  const open = (site: string, device: string): Known => {
    const key = `${site}/${device}`;
    const known = devices.get(key);
    if (known !== undefined) return known;
    const fresh = { id: Number(insertDevice.run(site, device).lastInsertRowid), lastTs: -1 };
    devices.set(key, fresh);
    return fresh;
  };

  const append = (device: number, reading: Reading, flags: number) => {
    const names = Object.keys(reading.quantities);
    const values = encodeValues(Object.values(reading.quantities));
    insert.run(++seq, device, reading.ts, reading.received - reading.ts, flags, shapes.id(names), values);
  };

  const put = (message: Reading, counts: { accepted: number; duplicates: number; corrections: number }) => {
    const device = open(message.site, message.device);
    // Nearly every message is newer than all before it: no look-up.
    const old = message.ts > device.lastTs ? undefined : find.get(device.id, message.ts);
    if (old === undefined) {
      append(device.id, message, encodeFlags(message.flags));
      counts.accepted += Object.keys(message.quantities).length;
      if (message.ts > device.lastTs) device.lastTs = message.ts;
      return;
    }
    const merge = mergeReading(decodeReading(old, message.site, message.device, shapes), message);
    counts.accepted += merge.accepted;
    counts.duplicates += merge.duplicates;
    counts.corrections += merge.corrected.length;
    if (merge.merged === null) return;
    const oldSeq = Number(old.seq);
    const counted = oldSeq <= rolled ? countedFlag : Number(old.flags) & countedFlag;
    remove.run(oldSeq);
    append(device.id, merge.merged, encodeFlags(merge.merged.flags) | counted);
    for (const { quantity, was } of merge.corrected)
      insertCorrection.run(device.id, message.ts, quantity, was, message.received);
  };

  const writeBatch = (batch: readonly Reading[]): WriteResult => {
    const rejected: WriteResult["rejected"][number][] = [];
    const counts = { accepted: 0, duplicates: 0, corrections: 0 };
    for (const reading of batch) {
      const reason = refusal(reading);
      if (reason === null) put(reading, counts);
      else rejected.push({ reading, code: "STORE_LINE_REFUSED", reason });
    }
    return { ...counts, rejected };
  };

  load();
  return {
    write: (batches) => {
      rolled = readRolled(db);
      try {
        return transact(db, "IMMEDIATE", () => batches.map(writeBatch));
      } catch (error) {
        load();
        throw error;
      }
    },
  };
};
