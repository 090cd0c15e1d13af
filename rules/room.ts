import type { Account } from "#energy";
import type { Reading } from "#store";
import type { Facts } from "./evaluate.ts";

// kpi.md §9 R33: how fast the hottest inlet rises without cooling, fitted from the losses of cooling that were seen.

/** Plain data. */
export interface RoomState {
  /** Hottest inlet by minute, °C, oldest first. */
  readonly inlets: readonly (readonly [minute: number, hottestC: number])[];
  /** Cooling power that was usual before the loss, W. */
  readonly usualW: number | null;
  /** The loss of cooling that is under way: since when, at which inlet, and the newest rise it shows. */
  readonly episode: { readonly at: number; readonly inletC: number; readonly rise: Fit | null } | null;
  /** Sums over past losses: IT load in kW × K a minute, IT load². */
  readonly fit: Fit;
}
type Fit = readonly [loadRise: number, loadLoad: number];

export const noRoom: RoomState = { inlets: [], usualW: null, episode: null, fit: [0, 0] };

const minuteMs = 60_000;
const mostMinutes = 2880;
// As R33 says what lost and restored is.
const lostShare = 0.2;
const backShare = 0.5;
// Racks and air take up the first of the heat.
const leastMinutes = 3;
const usualMinutes = 60;

/** The hottest inlet of each minute of the site's clock, until an account of that minute was judged. */
export const createInlets = (saved: RoomState["inlets"] = []) => {
  const hottest = new Map(saved);
  return {
    note({ quantities }: Reading, known: number): void {
      const inlet = quantities.inlet_c;
      if (inlet === undefined) return;
      const minute = Math.floor(known / minuteMs);
      const before = hottest.get(minute);
      if (before === undefined || inlet > before) hottest.set(minute, inlet);
      // The oldest first: while history is loaded accounts come long after the readings.
      if (before === undefined && hottest.size > mostMinutes) hottest.delete(hottest.keys().next().value ?? minute);
    },
    /** Of one minute or more; what is older than that goes. */
    take(start: number, end: number): number | null {
      let best: number | null = null;
      for (const [minute, inlet] of hottest) {
        if (minute * minuteMs >= end) continue;
        if (minute * minuteMs >= start) best = best === null ? inlet : Math.max(best, inlet);
        else hottest.delete(minute);
      }
      return best;
    },
    save: (): RoomState["inlets"] => [...hottest],
  };
};

export const roomAfter = (
  before: RoomState,
  account: Account,
  inletC: number | null,
  { cooling_w: coolingW, it_w: itW }: Facts,
): { readonly room: RoomState; readonly facts: Facts } => {
  const room = typeof coolingW === "number" ? learned(before, account.end, coolingW, itW ?? null, inletC) : before;
  const [loadRise, loadLoad] = added(room.fit, room.episode?.rise ?? null);
  const isFitted = loadLoad > 0 && loadRise > 0 && typeof itW === "number";
  return {
    room,
    facts: { inlet_max_c: inletC, room_rise_c: isFitted ? ((loadRise / loadLoad) * itW) / 1000 : null },
  };
};

const learned = (
  before: RoomState,
  at: number,
  coolingW: number,
  itW: Facts[string],
  inletC: number | null,
): RoomState => {
  const { usualW, episode } = before;
  if (usualW === null) return { ...before, usualW: coolingW };
  if (coolingW < lostShare * usualW) {
    if (episode === null) return inletC === null ? before : { ...before, episode: { at, inletC, rise: null } };
    const minutes = (at - episode.at) / minuteMs;
    if (inletC === null || typeof itW !== "number" || minutes < leastMinutes) return before;
    const [loadKw, rise] = [itW / 1000, (inletC - episode.inletC) / minutes];
    return { ...before, episode: { ...episode, rise: rise > 0 ? [loadKw * rise, loadKw * loadKw] : episode.rise } };
  }
  if (coolingW < backShare * usualW) return before;
  const usual = usualW + (coolingW - usualW) / usualMinutes;
  return { ...before, usualW: usual, episode: null, fit: added(before.fit, episode?.rise ?? null) };
};

const added = (fit: Fit, more: Fit | null): Fit => (more === null ? fit : [fit[0] + more[0], fit[1] + more[1]]);
