// round:  start ─▶ numbered readings ─▶ SIGKILL at any moment ─▶ start ─▶ every acknowledged number is there, once
import { setTimeout as wait } from "node:timers/promises";
import { type Product, startProduct } from "../product.ts";
import { compareNumbers, storedCounts, storedNumbers } from "./audit.ts";
import { until } from "./fault.ts";
import { type JournalEntry, type LoadResult, startLoad } from "./load.ts";
import { mostNumbers } from "./packets.ts";
import { writeSites } from "./site.ts";

export interface CrashOptions {
  readonly folder: string;
  readonly rounds: number;
  /** Offered messages a second. */
  readonly rate: number;
  /** The kill comes this long after `killFrom`, ms. */
  readonly killBetweenMs: readonly [least: number, most: number];
  /** The round's first message, unless told: then the first of its messages that is stored. */
  readonly killFrom?: "first stored";
  readonly random: () => number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly onRound?: (round: CrashRound) => void;
  /** Of the round's messages, rounds counted from 0; 1 unless told. QoS 0 promises nothing but must not come twice. */
  readonly qos?: (round: number) => 0 | 1;
  /** Begins with the round's first message: what else goes wrong before the product is killed. */
  readonly harm?: (round: number, killedAfterMs: number) => Promise<void>;
  /** What must have happened before the round is audited. */
  readonly settle?: (product: Product) => Promise<void>;
}

export interface Audited {
  readonly lost: number;
  readonly duplicates: number;
  readonly invented: number;
}

export interface CrashRound extends Audited {
  readonly round: number;
  readonly killedAfterMs: number;
  readonly sent: number;
  readonly acknowledged: number;
  /** Sent, never acknowledged, and stored all the same: the sensor would send them again. */
  readonly storedUnacknowledged: number;
  readonly restartMs: number;
}

export interface CrashResult extends Audited {
  readonly rounds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly storedUnacknowledged: number;
  /** Numbers read back at the end, over all rounds. */
  readonly readBack: number;
  /** Devices whose count in the catalogue is not that of their readings. */
  readonly miscounted: number;
  readonly slowestRestartMs: number;
}

const racks = 20;
const connections = 8;
// Longer than any kill is awaited.
const loadS = 120;
const firstStoredWithinMs = 60_000;
const siteId = "sim-1";

/** Judges what is stored from `from` on against what was sent and acknowledged. */
async function audit(
  product: Product,
  journal: readonly JournalEntry[],
  from: number,
): Promise<Audited & { readonly stored: number }> {
  const sum = { lost: 0, duplicates: 0, invented: 0, stored: 0 };
  for (const entries of Map.groupBy(journal, ({ site, device }) => `${site}/${device}`).values()) {
    const [{ site, device } = { site: "", device: "" }] = entries;
    const numbers = await storedNumbers(product.url, site, device, from);
    let claimed = 0;
    for (const entry of entries) {
      const own = numbers.filter((number) => number >= entry.first && number < entry.first + entry.sent);
      const found = compareNumbers(entry, own);
      sum.lost += found.lost;
      sum.duplicates += found.duplicates;
      claimed += own.length;
    }
    sum.invented += numbers.length - claimed;
    sum.stored += numbers.length;
  }
  return sum;
}

async function countAudit(product: Product, journal: readonly JournalEntry[]): Promise<number> {
  let miscounted = 0;
  for (const [site, entries] of Map.groupBy(journal, (entry) => entry.site)) {
    const counts = await storedCounts(product.url, site);
    for (const device of new Set(entries.map((entry) => entry.device)))
      if ((counts.get(device) ?? 0) !== (await storedNumbers(product.url, site, device)).length) miscounted += 1;
  }
  return miscounted;
}

const storedSum = async (product: Product): Promise<number> =>
  [...(await storedCounts(product.url, siteId)).values()].reduce((sum, count) => sum + count, 0);

export async function crashAudit(options: CrashOptions): Promise<CrashResult> {
  const { folder, rounds, random, killBetweenMs } = options;
  const sitesDir = await writeSites(folder, { sites: 1, racks });
  const start = () => startProduct(folder, { ENERGY_SITES_DIR: sitesDir, ...options.settings });
  const span = Math.floor(mostNumbers / rounds);
  const journal: JournalEntry[] = [];
  const sum = { sent: 0, acknowledged: 0, storedUnacknowledged: 0, lost: 0, duplicates: 0, invented: 0 };
  let slowestRestartMs = 0;

  let product = await start();
  try {
    for (let round = 0; round < rounds; round++) {
      const from = Date.now();
      const [least, most] = killBetweenMs;
      const killedAfterMs = Math.round(least + random() * (most - least));
      const storedBefore = await storedSum(product);
      const connected = Promise.withResolvers<void>();
      const load = startLoad(
        {
          port: new URL(product.mqttUrl).port,
          sites: 1,
          racks,
          connections,
          rate: options.rate,
          seconds: loadS,
          "warm-s": 0,
          qos: options.qos?.(round) ?? 1,
          "first-number": round * span,
        },
        (phase) => {
          if (phase === "connected") connected.resolve();
        },
      );
      let result: LoadResult;
      try {
        await Promise.race([connected.promise, load.result]);
        if (options.killFrom === "first stored")
          await until(async () => (await storedSum(product)) > storedBefore, firstStoredWithinMs);
        await Promise.all([wait(killedAfterMs), options.harm?.(round, killedAfterMs)]);
        await product.end("SIGKILL");
        result = await load.result;
      } finally {
        load.end();
      }
      if (result.disordered > 0) throw new Error(`${result.disordered} acknowledgements came out of order`);
      const own = await load.journal();
      journal.push(...own);

      const began = performance.now();
      product = await start();
      const restartMs = Math.round(performance.now() - began);
      slowestRestartMs = Math.max(slowestRestartMs, restartMs);
      await options.settle?.(product);
      const { stored, ...found } = await audit(product, own, from);
      const storedUnacknowledged = stored - result.acknowledged + found.lost - found.duplicates - found.invented;
      options.onRound?.({
        round: round + 1,
        killedAfterMs,
        sent: result.sent,
        acknowledged: result.acknowledged,
        storedUnacknowledged,
        restartMs,
        ...found,
      });
      sum.sent += result.sent;
      sum.acknowledged += result.acknowledged;
      sum.storedUnacknowledged += storedUnacknowledged;
    }
    const { stored, ...found } = await audit(product, journal, 0);
    const miscounted = await countAudit(product, journal);
    return { rounds, ...sum, ...found, readBack: stored, miscounted, slowestRestartMs };
  } finally {
    await product.end("SIGTERM");
  }
}
