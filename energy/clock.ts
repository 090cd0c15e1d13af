/**
 * A site's clock is an input: event time while history is loaded or replayed, receive time with wall ticks otherwise.
 * The same readings with the same `received` stamps and the same ticks give the same clock.
 */
export interface SiteClock {
  readonly mode: "catching-up" | "live" | "silent";
  /** UTC ms; null before the site's first reading or tick out of waiting. Never goes back. */
  readonly now: number | null;
  /** Whether any reading was ever seen: a site never heard of may begin with old history at any time. */
  readonly heard: boolean;
  /** Wall time of the first tick after the newest reading. */
  readonly idleSince: number | null;
}

/** Below a minute of lag a reading is live; replays and loaded histories lag by hours. */
export const liveLagMs = 60_000;

/** The clock at a start: always catching up, never behind where it stood. */
export const startClock = (before?: { readonly now: number | null; readonly heard: boolean }): SiteClock => ({
  mode: "catching-up",
  now: before?.now ?? null,
  heard: before?.heard ?? false,
  idleSince: null,
});

const later = (now: number | null, candidate: number): number => (now === null ? candidate : Math.max(now, candidate));

/** The clock after a committed reading, the same object when nothing moves. Late readings of one device never turn it back. */
export const advanceOnReading = (
  clock: SiteClock,
  reading: { readonly ts: number; readonly received: number },
): SiteClock => {
  const fresh = reading.received - reading.ts < liveLagMs;
  if (clock.mode === "live" || fresh) {
    const now = later(clock.now, reading.received);
    // Most readings of a busy site move nothing.
    if (clock.mode === "live" && clock.now === now && clock.heard && clock.idleSince === null) return clock;
    return { mode: "live", now, heard: true, idleSince: null };
  }
  if (clock.mode === "catching-up" || !clock.heard) {
    const now = clock.heard ? later(clock.now, reading.ts) : reading.ts;
    return { mode: "catching-up", now, heard: true, idleSince: null };
  }
  return { ...clock, idleSince: null };
};

/** The clock after a wall tick: live clocks follow the wall, waiting ones go silent after `waitMs` without a reading. */
export const advanceOnTick = (clock: SiteClock, wallNow: number, waitMs: number): SiteClock => {
  const idleSince = clock.idleSince ?? wallNow;
  const silent = wallNow - idleSince >= waitMs;
  if (clock.mode === "catching-up" && !silent) return { ...clock, idleSince };
  return { mode: silent ? "silent" : clock.mode, now: later(clock.now, wallNow), heard: clock.heard, idleSince };
};
