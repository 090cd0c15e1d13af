import type { Ring } from "./ring.ts";

/** The part of an HTTP response that a live client needs. */
export interface Outlet {
  /** False: wait for `drain` before the next call. */
  write(frame: string | Uint8Array): boolean;
  end(): void;
  destroy(): void;
}

export interface Client {
  readonly sites: ReadonlySet<string> | null;
  /** Sends what the ring holds beyond this client's place. */
  pump(): void;
  /** Sends to this client alone, under the id it has come to, so that coming back with that id loses nothing. */
  tell(frame: (place: number) => string): void;
  drained(): void;
  heartbeat(): void;
  end(): void;
}

/** A client that takes nothing for this long has a dead link or a stopped page: it may come back with its last id. */
const patienceMs = 30_000;

/** A place in the ring that moves as fast as the other side reads, so that a slow one costs no memory. */
export const createClient = (
  ring: Ring,
  outlet: Outlet,
  options: { readonly sites: ReadonlySet<string> | null; readonly place: number; readonly now: () => number },
): Client => {
  const { sites, now } = options;
  let { place } = options;
  let blockedSince: number | null = null;
  const waiting: ((place: number) => string)[] = [];

  const send = (frame: string | Uint8Array): void => {
    if (!outlet.write(frame)) blockedSince = now();
  };
  const isFor = (site: string | null): boolean => site === null || sites === null || sites.has(site);

  const pump = (): void => {
    while (blockedSince === null) {
      const frame = waiting.shift();
      if (frame === undefined) break;
      send(frame(place));
    }
    while (blockedSince === null) {
      const entry = ring.after(place);
      if (entry === null) return;
      if (entry === "lost") {
        outlet.destroy();
        return;
      }
      place = entry.id;
      if (isFor(entry.site)) send(entry.bytes);
    }
    if (now() - blockedSince > patienceMs) outlet.destroy();
  };

  return {
    sites,
    pump,
    tell: (frame) => {
      waiting.push(frame);
      pump();
    },
    drained: () => {
      blockedSince = null;
      pump();
    },
    heartbeat: () => {
      if (blockedSince === null) send(":\n\n");
      else pump();
    },
    end: () => outlet.end(),
  };
};
