import type { LiveEvent } from "#lib/wire.ts";
import { apiUrl } from "./api.ts";
import { backoffMs, emptyLive, type LiveState, reduceLive, silenceMs } from "./live.ts";

export type Link = "connecting" | "up" | "down";

// While history is loaded hundreds of windows close each second; charts read again at most this often.
const chartPauseMs = 5000;

let state = $state.raw<LiveState>(emptyLive);
let link = $state<Link>("connecting");
let lastHeard = $state(0);
let accounts = $state(0);
let chartTimer: ReturnType<typeof setTimeout> | undefined;

/** The live stream of the chosen site, as the pages read it. */
export const live = {
  get now() {
    return state.now;
  },
  get nowAt() {
    return state.nowAt;
  },
  get health() {
    return state.health;
  },
  /** Grows when windows have closed: charts read again. */
  get accounts() {
    return accounts;
  },
  /** Grows with each alert transition. */
  get alerts() {
    return state.alerts;
  },
  get link() {
    return link;
  },
  /** Local time of the last sign of life. */
  get lastHeard() {
    return lastHeard;
  },
};

const take = (event: LiveEvent): void => {
  state = reduceLive(state, event, Date.now());
  if (event.event !== "account" && event.event !== "reset") return;
  if (chartTimer !== undefined) return;
  chartTimer = setTimeout(() => {
    chartTimer = undefined;
    accounts += 1;
  }, chartPauseMs);
};

const eventNames = ["now", "alert", "alerts", "account", "health", "reset"] as const;

/**
 * Follows one site, or only the product's health when there is none, until the returned function is called. A hidden
 * page holds no connection.
 */
export const followSite = (site: string | null): (() => void) => {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  let lastEventId = "";

  if (state.now !== null && state.now.site !== site) state = { ...emptyLive, health: state.health };
  link = "connecting";

  const heard = (): void => {
    lastHeard = Date.now();
    link = "up";
    tries = 0;
    clearTimeout(watchdog);
    watchdog = setTimeout(again, silenceMs);
  };
  const close = (): void => {
    source?.close();
    source = null;
    clearTimeout(timer);
    clearTimeout(watchdog);
  };
  const again = (): void => {
    close();
    link = "down";
    if (document.hidden) return;
    timer = setTimeout(open, backoffMs(tries, Math.random()));
    tries += 1;
  };
  const open = (): void => {
    close();
    // The browser's own reconnect has no back-off, so each try is a new source that says where the last one ended.
    source = new EventSource(apiUrl("live", { site, lastEventId }));
    source.onerror = again;
    source.onopen = heard;
    for (const name of eventNames) {
      source.addEventListener(name, (message: MessageEvent<string>) => {
        lastEventId = message.lastEventId;
        heard();
        take({ event: name, data: JSON.parse(message.data) } as LiveEvent);
      });
    }
    watchdog = setTimeout(again, silenceMs);
  };
  const visible = (): void => {
    if (document.hidden) close();
    else open();
  };

  document.addEventListener("visibilitychange", visible);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener("visibilitychange", visible);
    close();
  };
};
