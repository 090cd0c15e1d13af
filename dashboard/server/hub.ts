//                     ┌ ledger.follow: alert, account ┐
//   energy.now, rules ┤ one tick a second, per site   ├─▶ ring ─▶ clients, each at its own place
//   store, status ────┘ while somebody listens        ┘

import { setImmediate as turn } from "node:timers/promises";
import type { Context } from "./app.ts";
import { type Client, createClient, type Outlet } from "./client.ts";
import { createFeed } from "./feed.ts";
import { createRing } from "./ring.ts";
import type { HealthWire, LiveEvent } from "./wire.ts";

const tickMs = 1000;
// Of four hundred racks each some 2 ms.
const sitesAtOnce = 10;
const heartbeatMs = 10_000;
/** Health is told when it changes, and this often anyway. */
const healthMs = 10_000;
/** Ten minutes of five halls with a hundred nodes each. */
const maxRingBytes = 32 * 1024 * 1024;

export interface Hub extends AsyncDisposable {
  /** `lastId: null` starts with what is true now; otherwise with everything missed since. */
  join(outlet: Outlet, options: { readonly sites: ReadonlySet<string> | null; readonly lastId: number | null }): Client;
  leave(client: Client): void;
  /** Ends every live connection; they will come back with their last id. */
  dismiss(): void;
  readonly clients: () => number;
}

const frame = (id: number, { event, data }: LiveEvent): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

const essence = ({ ts: _, store, ...health }: HealthWire): string =>
  JSON.stringify({ ...health, store: { state: store.state, reason: store.reason } });

/** Computes every event once and hands it to all who listen. */
export const startHub = (
  context: Pick<Context, "settings" | "ledger" | "energy" | "now" | "health" | "siteNow" | "onError">,
): Hub => {
  const { energy, now, onError } = context;
  const clients = new Set<Client>();
  const ring = createRing({
    holdMs: context.settings.DASHBOARD_LIVE_BACKFILL_MS,
    maxBytes: maxRingBytes,
    // Ids of an earlier life stay below: nobody sends a thousand events a millisecond.
    firstId: now() * 1000,
  });
  const newest = new Map<string, { readonly event: LiveEvent; readonly data: string; readonly at: number }>();
  const busy = new Set<string>();
  let told = { essence: "", at: 0 };

  const emit = (site: string | null, event: LiveEvent): void => {
    ring.push({ site, at: now() }, (id) => frame(id, event));
    for (const client of clients) client.pump();
  };
  const tell = (client: Client, event: LiveEvent): void => client.tell((place) => frame(place, event));

  const listenedSites = (): readonly string[] => {
    const sites = energy.sites().map(({ id }) => id);
    return sites.filter((site) => [...clients].some((client) => client.sites === null || client.sites.has(site)));
  };

  const tickSite = async (site: string): Promise<"told" | "same"> => {
    // A slow answer must not pile up more questions.
    if (busy.has(site)) return "same";
    busy.add(site);
    try {
      const seen = await context.siteNow(site);
      if (seen === null) return "same";
      const data = JSON.stringify(seen);
      if (newest.get(site)?.data === data) return "same";
      const event = { event: "now", data: seen } as const;
      newest.set(site, { event, data, at: now() });
      emit(site, event);
      return "told";
    } catch (error) {
      onError(error, "DASHBOARD_LIVE_FAILED");
      return "same";
    } finally {
      busy.delete(site);
    }
  };

  const tickHealth = async (): Promise<void> => {
    if (busy.has("")) return;
    busy.add("");
    try {
      const health = await context.health();
      const changed = essence(health);
      if (changed === told.essence && now() - told.at < healthMs) return;
      told = { essence: changed, at: now() };
      emit(null, { event: "health", data: health });
    } catch (error) {
      onError(error, "DASHBOARD_LIVE_FAILED");
    } finally {
      busy.delete("");
    }
  };

  let isTicking = false;
  const tick = async (): Promise<void> => {
    if (clients.size === 0 || isTicking) return;
    isTicking = true;
    const health = tickHealth();
    const sites = listenedSites();
    // One who looks at hundreds of sites at once must not hold up this thread: a few, then everybody else has a turn.
    for (let at = 0; at < sites.length; at += sitesAtOnce) {
      await Promise.all(sites.slice(at, at + sitesAtOnce).map(tickSite));
      await turn();
    }
    await health;
    isTicking = false;
  };

  /** What is true now, for one who has just come; a fresh picture of a site is shared, not made again. */
  const greet = async (client: Client): Promise<void> => {
    try {
      tell(client, { event: "health", data: await context.health() });
    } catch (error) {
      onError(error, "DASHBOARD_LIVE_FAILED");
    }
    for (const { id } of energy.sites()) {
      if (client.sites !== null && !client.sites.has(id)) continue;
      const fresh = newest.get(id);
      if (fresh !== undefined && now() - fresh.at < 2 * tickMs) tell(client, fresh.event);
      else if ((await tickSite(id)) === "same") {
        const known = newest.get(id);
        if (known !== undefined) tell(client, known.event);
      }
    }
  };

  const feed = createFeed(context, emit);
  const ticking = setInterval(() => void tick(), tickMs);
  const beating = setInterval(() => {
    for (const client of clients) client.heartbeat();
  }, heartbeatMs);

  return {
    join: (outlet, { sites, lastId }) => {
      const lost = lastId !== null && ring.after(lastId) === "lost";
      const resumes = lastId !== null && !lost;
      const client = createClient(ring, outlet, { sites, place: resumes ? lastId : ring.head(), now });
      clients.add(client);
      if (lost) {
        const reason = "what happened since that id is no longer held: load afresh";
        tell(client, { event: "reset", data: { reason } });
      }
      client.pump();
      if (!resumes) void greet(client);
      return client;
    },
    leave: (client) => void clients.delete(client),
    dismiss: () => {
      for (const client of clients) client.end();
    },
    clients: () => clients.size,
    [Symbol.asyncDispose]: async () => {
      clearInterval(ticking);
      clearInterval(beating);
      await feed[Symbol.asyncDispose]();
    },
  };
};
