import { StoreUnavailableError } from "../errors.ts";
import type { Readings } from "../readings.ts";
import { createWaiter } from "../waiter.ts";
import type { Catalog } from "./catalog.ts";
import { createCommitter } from "./commit.ts";
import type { HereDeps, Instance } from "./instance.ts";
import { learnDevices } from "./learn.ts";
import { buryDropped, droppedError } from "./letters.ts";
import { createPruner } from "./prune.ts";
import { createReads } from "./reads.ts";
import { createRecent, type Recent } from "./recent.ts";
import { createRollups } from "./rollups.ts";
import { type Damage, type Head, replaceFile } from "./segment.ts";
import { startSender } from "./sender.ts";
import { type Dropped, openSpool, quarantine } from "./spool.ts";
import { createStored } from "./stored.ts";
import { catalogPath, createView, type SpoolView } from "./view.ts";

const recentReadings = 100_000; // some 50 MB; a minute of a large site
const lookUpMs = 3000; // longer, and the sender decides
const backlogReadings = 20_000;
const rollEveryMs = 30_000;
const catalogEveryMs = 60_000; // bounds what is read again after a crash
const rollAfterMs = 60_000; // an hour is over when its last minute had time to arrive
const drainOnCloseMs = 2000; // what is in the spool stays there

/** The one instance that appends to the spool, sends, rolls up and prunes. */
export const openWriter = async (deps: HereDeps, instance: Instance): Promise<Readings> => {
  const { dir, server, gapMs, onError } = instance;
  const { now = Date.now, random = Math.random, backOff = { firstMs: 500, mostMs: 5000 } } = deps;
  const { quotaBytes, policy } = instance;
  const disk = deps.disk === undefined ? {} : { disk: deps.disk };
  let dropped = 0;
  const onDropped = (lost: Dropped): void => {
    dropped += lost.readings;
    onError(droppedError(lost), "STORE_SPOOL_DROPPED");
    buryDropped(deps.ledger, lost, now()).catch((error: unknown) => onError(error, "STORE_SPOOL_DROPPED"));
  };
  const spool = await openSpool({ dir, quotaBytes, policy, now, onError, onDropped, ...disk });
  const kept = new Set<string>();
  const onDamage = (damage: Damage): void => {
    instance.onDamage(damage);
    const place = `${damage.base}-${damage.from}`;
    if (kept.has(place)) return;
    kept.add(place);
    quarantine(dir, damage).catch((error: unknown) => onError(error, "STORE_CORRUPT"));
  };
  let published = spool.head();
  const head = async () => published;
  const sentSeq = async () => spool.sentSeq();
  const view = createView(dir, gapMs, { head, sentSeq }, onDamage);
  const reads = createReads({ server, view, sentSeq, gapMs });
  const stored = createStored(server);
  const catalog = await view.catalog();
  view.moved(published);
  const recent = await recall(view, spool.sentSeq(), published);
  const sentWaiter = createWaiter();
  const ended = new AbortController();

  const committer = createCommitter({
    spool,
    catalog,
    recent,
    lookUp: async (readings) => (server.worthAsking() ? stored.find(readings, lookUpMs).catch(() => null) : null),
    committed: (next) => {
      published = next;
      view.moved(next);
      instance.announce();
    },
  });

  let savedSeq = -1;
  let saving: Promise<void> = Promise.resolve();
  const saveCatalog = (when: "changed" | "always"): Promise<void> => {
    const save = async (): Promise<void> => {
      const { seq } = published;
      if (when === "changed" && savedSeq === seq) return;
      await replaceFile(catalogPath(dir), JSON.stringify(catalog.snapshot(published)));
      savedSeq = seq;
      spool.keepFrom(seq);
    };
    saving = saving.then(save, save);
    return saving;
  };

  const sender = startSender({
    server,
    stored,
    ledger: deps.ledger,
    waiter: instance.waiter,
    now,
    random,
    backOff,
    onError,
    take: (from, limit) => view.records(from, limit),
    sentSeq: spool.sentSeq,
    sent: async (seq) => {
      await spool.sent(seq);
      if (spool.full()) await saveCatalog("changed");
      sentWaiter.wake();
    },
    known: async (readings) => {
      for (const { site, device } of readings) await committer.note({ note: "known", site, device, readings: 1 });
    },
    connected: () =>
      learn(
        server,
        catalog,
        committer,
        () => saveCatalog("always"),
        () => published.seq,
      ),
  });

  const rollups = createRollups({
    server,
    catalog,
    reads,
    sentSeq: spool.sentSeq,
    note: (note) => committer.note(note),
    gapMs,
  });
  let rolling: Promise<void> = Promise.resolve();
  const roll = (before: number): Promise<void> => {
    rolling = rolling.catch(() => undefined).then(() => rollups.roll(before, ended.signal));
    return rolling;
  };
  const every = (ms: number, job: () => Promise<void>): NodeJS.Timeout => {
    let busy = false;
    return setInterval(() => {
      if (busy || ended.signal.aborted) return;
      busy = true;
      job()
        .catch((error: unknown) => {
          if (!ended.signal.aborted) onError(error, "STORE_UNREACHABLE");
        })
        .finally(() => {
          busy = false;
        });
    }, ms).unref();
  };
  const timers = [
    every(rollEveryMs, async () => {
      // A backlog has the server's four requests to itself; until then windows are made when they are asked for.
      if (server.trouble() === "" && published.seq - spool.sentSeq() < backlogReadings) await roll(now() - rollAfterMs);
    }),
    every(catalogEveryMs, () => saveCatalog("changed")),
  ];

  /** Resolves when everything acknowledged so far is in the server, or throws when it will not be. */
  const drain = async (waitMs: number): Promise<void> => {
    const target = published.seq;
    const end = performance.now() + waitMs;
    while (spool.sentSeq() < target) {
      const generation = sentWaiter.generation();
      if (spool.sentSeq() >= target) return;
      if (server.trouble() || performance.now() > end)
        throw new StoreUnavailableError(`InfluxDB has not taken the spool: ${server.trouble() || "too slow"}`, {
          retryAfterMs: 5000,
        });
      await sentWaiter.wait(generation, 250);
    }
  };

  const close = async (): Promise<void> => {
    await committer.idle();
    await drain(drainOnCloseMs).catch(() => undefined);
    ended.abort();
    for (const timer of timers) clearInterval(timer);
    const stopped = sender.stop();
    await instance.close();
    await stopped;
    await rolling.catch(() => undefined);
    await committer.idle();
    await saveCatalog("changed").catch((error: unknown) => onError(error, "STORE_FULL"));
    await spool[Symbol.asyncDispose]();
  };
  let closing: Promise<void> | null = null;

  return {
    ...instance.answers({ view, reads, head, sentSeq, full: spool.full, dropped: () => dropped }),
    write: async (batch) => {
      if (closing !== null) throw new StoreUnavailableError("the store is closing", { retryAfterMs: 1000 });
      try {
        return await committer.write(batch);
      } catch (error) {
        // What is sent already may make room as soon as the catalogue no longer needs it.
        if (spool.full()) await saveCatalog("changed").catch(() => undefined);
        throw error;
      }
    },
    prune: createPruner({ server, roll, drain: () => drain(60_000), note: (note) => committer.note(note), gapMs }),
    [Symbol.asyncDispose]: () => {
      closing ??= close();
      return closing;
    },
  };
};

/** The readings that the server may not have yet, by site, device and time. */
const recall = async (view: SpoolView, sentSeq: number, head: Head): Promise<Recent> => {
  let from = Math.max(sentSeq, head.seq - recentReadings);
  const recent = createRecent(recentReadings, from);
  while (from < head.seq) {
    const { records, next } = await view.records(from, 10_000);
    for (const { record, after } of records)
      recent.put({ reading: record.reading, undecided: record.undecided, seq: after - 1 });
    if (next <= from) break;
    from = next;
  }
  return recent;
};

const learn = async (
  server: Instance["server"],
  catalog: Catalog,
  committer: ReturnType<typeof createCommitter>,
  save: () => Promise<void>,
  seq: () => number,
): Promise<void> => {
  if (catalog.complete()) return;
  await learnDevices(server, catalog, seq());
  // Saved before anything is sent: what is sent would be counted twice if it were learned again.
  await save();
  await committer.note({ note: "catalog" });
};
