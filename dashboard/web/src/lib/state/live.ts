// What an event of the live stream does to what the screen knows. Pure: the socket is in live.svelte.ts.
import type { HealthWire, LiveEvent, NowWire } from "#lib/wire.ts";

export interface LiveState {
  readonly now: NowWire | null;
  /** Local time at which `now` came in. */
  readonly nowAt: number;
  readonly health: HealthWire | null;
  /** Grows with each closed window, so that charts know when to read again. */
  readonly accounts: number;
  /** Grows with each alert transition. */
  readonly alerts: number;
  /** Grows when the backfill is gone and everything must be read again. */
  readonly resets: number;
}

export const emptyLive: LiveState = { now: null, nowAt: 0, health: null, accounts: 0, alerts: 0, resets: 0 };

export const reduceLive = (state: LiveState, event: LiveEvent, at: number): LiveState => {
  switch (event.event) {
    case "now":
      return { ...state, now: event.data, nowAt: at };
    case "alert":
      return { ...state, now: withAlert(state.now, event.data), alerts: state.alerts + 1 };
    case "alerts":
      return { ...state, alerts: state.alerts + 1 };
    case "account":
      return { ...state, accounts: state.accounts + 1 };
    case "health":
      return { ...state, health: event.data };
    case "reset":
      return { ...state, resets: state.resets + 1 };
  }
};

const withAlert = (now: NowWire | null, alert: NowWire["alerts"][number]): NowWire | null => {
  if (now === null || alert.site !== now.site) return now;
  const others = now.alerts.filter(({ id }) => id !== alert.id);
  const alerts = alert.state === "CLOSED" ? others : [...others, alert].sort((a, b) => b.start - a.start);
  return { ...now, alerts };
};

/** Silence on the stream after which the link counts as down: two missed heartbeats of 10 s and some. */
export const silenceMs = 25_000;

/** Wait before the next try: doubles from 1 s to 30 s, half of it random so that screens do not return together. */
export const backoffMs = (tries: number, random: number): number => {
  const full = Math.min(30_000, 1000 * 2 ** Math.min(tries, 5));
  return Math.round(full / 2 + (full / 2) * random);
};
