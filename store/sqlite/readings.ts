import { resolve } from "node:path";
import { createNameBook, readingsOf } from "../columns.ts";
import type { StoreSettings } from "../config.ts";
import { StoreRefusedError } from "../errors.ts";
import type { StoreDeps } from "../open.ts";
import type { FollowColumnsPage, Readings, StoreHealth } from "../readings.ts";
import { createWaiter, followWith } from "../waiter.ts";
import { joinChannel } from "./channel.ts";
import type { Fault } from "./fault.ts";
import type { FollowedColumns } from "./follow-columns.ts";
import type { ReaderCalls } from "./reader.ts";
import type { ReaderSettings } from "./reader.worker.ts";
import { type Remote, startRemote } from "./remote.ts";
import { createSender } from "./sender.ts";
import { stepNames } from "./windows.ts";
import type { WriterCalls, WriterSettings } from "./writer.worker.ts";

//                      ┌─ writer worker ── readings.db ─┐
// this thread ── RPC ──┤                                ├── commit ─▶ BroadcastChannel ─▶ sleeping followers
//                      └─ reader worker ── readings.db ─┘

export interface SqliteReadingsDeps extends StoreDeps {
  /** Pages the file may have: makes a full disk of any size. */
  readonly maxPages?: number;
  /** Rows of a partition. */
  readonly runRows?: number;
  /** How long after its end an hour's roll-ups are written, ms of receive time. */
  readonly hourAfterMs?: number;
}

// Commits of other processes make no sound here.
const pollMs = 1000;

/** Readings in `DATA_DIR/readings.db`. All of SQLite runs in worker threads. */
export const openSqliteReadings = async (
  settings: Pick<StoreSettings, "DATA_DIR" | "STORE_GAP_MS">,
  deps: SqliteReadingsDeps,
): Promise<Readings> => {
  const path = resolve(settings.DATA_DIR, "readings.db");
  const gapMs = settings.STORE_GAP_MS;
  const onFault = (error: Error, fault: Fault) => {
    const code = fault.kind === "unavailable" && fault.full ? "STORE_FULL" : "STORE_UNREACHABLE";
    deps.onError(error, { stage: "store", code });
  };
  await using stack = new AsyncDisposableStack();
  const writer = deps.role === "writer" ? stack.use(await startWriter(path, gapMs, settings, deps, onFault)) : null;
  const startReader = () =>
    startRemote<ReaderCalls>(
      new URL("./reader.worker.ts", import.meta.url),
      { path, gapMs } satisfies ReaderSettings,
      onFault,
    );
  // Whoever only writes never pays for the reader; whoever only reads learns of a damaged file at once.
  let reader: Promise<Remote<ReaderCalls>> | null = null;
  const reading = (): Promise<Remote<ReaderCalls>> => {
    if (reader !== null) return reader;
    const started = startReader();
    reader = started;
    started.catch(() => {
      if (reader === started) reader = null;
    });
    return started;
  };
  stack.defer(async () => {
    const started = await reader?.catch(() => null);
    await started?.[Symbol.asyncDispose]();
  });
  if (writer === null) await reading();

  const waiter = createWaiter();
  let heard: Pick<StoreHealth, "state" | "reason"> = { state: "ok", reason: "" };
  stack.use(
    joinChannel(path, (notice) => {
      if (notice.kind === "commit") waiter.wake();
      else heard = { state: notice.state, reason: notice.reason };
    }),
  );
  stack.defer(() => waiter.close());
  const owned = stack.move();

  const writing = (): Remote<WriterCalls> => {
    if (writer !== null) return writer;
    throw new StoreRefusedError(`${path} is open for reading only`, { code: "STORE_IN_USE" });
  };
  const sendable = createSender();
  const followed = createNameBook();
  const learn = ({ devices, shapes, cursor, behind, ...rows }: FollowedColumns): FollowColumnsPage => {
    for (const { site, device } of devices) followed.device(site, device);
    for (const names of shapes) followed.shape(names);
    return { columns: { book: followed, ...rows }, cursor, behind };
  };
  const removeAll = async (some: () => Promise<number>): Promise<number> => {
    let removed = 0;
    for (let count = await some(); count > 0; count = await some()) removed += count;
    return removed;
  };

  return {
    write: async (batch) => writing().call("write", batch),
    writeColumns: async (columns) => {
      const remote = writing();
      const sent = sendable(columns);
      return sent === null ? remote.call("write", readingsOf(columns)) : remote.call("writeColumns", sent);
    },
    read: async (query) => (await reading()).call("read", query),
    readColumns: async (query) => {
      const { devices, shapes, ...rows } = await (await reading()).call("readColumns", query);
      const book = createNameBook();
      for (const device of devices) book.device(query.site, device);
      for (const names of shapes) book.shape(names);
      return { book, ...rows };
    },
    series: async (query) => (await reading()).call("series", query),
    latest: async (query) => (await reading()).call("latest", query),
    corrections: async (query) => (await reading()).call("corrections", query),
    devices: async (site) => (await reading()).call("devices", site ?? null),
    follow: async (query) => {
      const remote = await reading();
      return followWith(query, {
        waiter,
        look: (cursor) => remote.call("follow", { cursor, sites: query.sites ?? null, limit: query.limit }),
        isEmpty: (found) => found.readings.length === 0,
        pollMs,
      });
    },
    followColumns: async (query) => {
      const remote = await reading();
      return followWith(query, {
        waiter,
        look: (cursor) =>
          remote
            .call("followColumns", {
              cursor,
              sites: query.sites ?? null,
              limit: query.limit,
              until: query.until ?? null,
              known: { devices: followed.devices.length, shapes: followed.shapes.length },
            })
            .then(learn),
        isEmpty: ({ columns }) => columns.device.length === 0,
        pollMs,
      });
    },
    head: async () => (await reading()).call("head", null),
    placeBefore: async (ts) => (await reading()).call("placeBefore", ts),
    prune: async ({ now, rawMs, rollup }) => {
      const remote = writing();
      let removed = 0;
      if (rawMs !== null) {
        // What is not rolled up yet must be before its samples go.
        await remote.call("roll", now - rawMs);
        removed += await removeAll(() => remote.call("pruneRaw", now - rawMs));
      }
      for (const step of stepNames) {
        const ms = rollup[step];
        if (ms !== null) removed += await removeAll(() => remote.call("pruneRollup", { step, before: now - ms }));
      }
      return { removed };
    },
    health: async () => {
      const state =
        writer === null
          ? { ...heard, bytes: await (await reading()).call("bytes", null) }
          : await writer.call("health", null);
      return { adapter: "sqlite", version: "", pendingReadings: 0, ...state };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

const startWriter = (
  path: string,
  gapMs: number,
  settings: Pick<StoreSettings, "DATA_DIR">,
  { maxPages, runRows, hourAfterMs }: SqliteReadingsDeps,
  onFault: (error: Error, fault: Fault) => void,
) =>
  startRemote<WriterCalls>(
    new URL("./writer.worker.ts", import.meta.url),
    {
      path,
      lockPath: resolve(settings.DATA_DIR, "lock.db"),
      gapMs,
      maxPages,
      runRows,
      hourAfterMs,
    } satisfies WriterSettings,
    onFault,
  );
