import type { StoreSettings } from "../config.ts";
import type { Readings } from "../readings.ts";
import { openHere } from "./here.ts";
import type { InfluxDeps } from "./instance.ts";
import { startWriterThread } from "./thread.ts";

//   calling thread │ writer's thread
//
//   write ─────────┼─▶ spool (DATA_DIR/spool, synced) ─▶ acknowledged
//                  │      │            └─▶ follow, and what reads do not find in the server yet
//                  │      └─ sender ─▶ InfluxDB ◀─ read, series, corrections
//                  │                      ▲
//                  │            roll-ups ─┘ of every hour that is over

export type { InfluxDeps } from "./instance.ts";

/**
 * Readings in InfluxDB 1.6 to 3 behind a spool on this machine. `write` resolves when the spool is synced, whether the
 * server is there or not; while it is away, reads answer from what the spool still holds and `health` says so.
 * Throws `StoreRefusedError` `STORE_IN_USE` when another writer has the spool, `TypeError` for an address without a
 * database. A follower that was away longer than the spool reaches back goes on at its oldest reading, and `onError`
 * gets `STORE_CURSOR_EXPIRED`.
 */
export const openInflux = (settings: StoreSettings, deps: InfluxDeps): Promise<Readings> =>
  deps.role === "reader" ? openHere(settings, deps) : startWriterThread(settings, deps);
