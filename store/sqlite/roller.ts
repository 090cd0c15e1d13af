import type { DatabaseSync } from "node:sqlite";
import { transact } from "./file.ts";
import { freshLonger, freshMinutes, settle, stretches } from "./fresh.ts";
import { readRolled } from "./readings-file.ts";
import { createShapes } from "./row.ts";
import { createSampleReader } from "./samples.ts";
import { addRow, type Summary, saveSummary, summaryOf } from "./summary.ts";
import { createKeptWindows } from "./windows.ts";

// readings after `rolled` ─▶ touched minutes ─▶ quarters ─▶ hours, and the devices' summaries: one transaction.
// A crash in between loses nothing: the tail is simply rolled again.

export interface Roller {
  /** Rolls up to `limit` readings of the tail; how many it took. */
  roll(limit: number): number;
  /** How many sequence numbers lie in the tail. */
  behind(head: number): number;
}

export const createRoller = (db: DatabaseSync, gapMs: number): Roller => {
  const shapes = createShapes(db);
  const samplesOf = createSampleReader(db, shapes);
  const windows = createKeptWindows(db);
  const save = saveSummary(db);
  const tail = db.prepare("SELECT * FROM reading WHERE seq > ? ORDER BY seq LIMIT ?");
  const device = db.prepare("SELECT * FROM device WHERE id = ?");
  const findQuantity = db.prepare("SELECT id FROM quantity WHERE name = ?");
  const insertQuantity = db.prepare("INSERT INTO quantity(name) VALUES (?)");
  const setRolled = db.prepare("UPDATE meta SET value = ? WHERE name = 'rolled'");

  const quantityId = (name: string): number =>
    Number(findQuantity.get(name)?.id ?? insertQuantity.run(name).lastInsertRowid);

  const rollDevice = (id: number, touched: readonly number[]) => {
    for (const stretch of stretches(touched, gapMs)) {
      for (const [name, samples] of samplesOf(id, stretch.from, stretch.to)) {
        const quantity = quantityId(name);
        const kept = (step: "1m" | "15m" | "1h") => (from: number, to: number) =>
          windows.read(step, id, quantity, from, to);
        const minutes = settle(freshMinutes(samples, stretch.touched, gapMs), kept("1m"));
        windows.write("1m", id, quantity, minutes);
        const quarters = settle(freshLonger(minutes, "15m", kept("1m")), kept("15m"));
        windows.write("15m", id, quantity, quarters);
        windows.write("1h", id, quantity, settle(freshLonger(quarters, "1h", kept("15m")), kept("1h")));
      }
    }
  };

  return {
    behind: (head) => head - readRolled(db),
    roll: (limit) =>
      transact(db, "IMMEDIATE", () => {
        const rows = tail.all(readRolled(db), limit);
        const touched = new Map<number, { readonly summary: Summary; readonly times: number[] }>();
        for (const raw of rows) {
          const id = Number(raw.device);
          let known = touched.get(id);
          if (known === undefined) {
            const stored = device.get(id);
            if (stored === undefined) throw new Error(`BUG: reading of no device ${id}`);
            known = { summary: summaryOf(stored), times: [] };
            touched.set(id, known);
          }
          known.times.push(Number(raw.ts));
          addRow(known.summary, raw, shapes);
        }
        for (const [id, { summary, times }] of touched) {
          save(summary);
          rollDevice(id, times);
        }
        const last = rows.at(-1);
        if (last !== undefined) setRolled.run(String(last.seq));
        return rows.length;
      }),
  };
};
