// npm run bench:ingest -- --mode away --rate 10000 --away 600
//
//   live readings ────────────────────────────────────────────────────────────▶ time
//   InfluxDB there │ killed, away … │ started: the spool drains │ bare writer │ audit: every number, once
//
// The bare writer sends lines of the same run to the same server, once beside the live readings and once alone.
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { startInfluxd } from "../../store/influx/influxd.ts";
import { startProduct, temporaryFolder } from "../product.ts";
import { type AuditResult, longestPause, storedCounts } from "./audit.ts";
import { writeBare } from "./bare-writer.ts";
import { storeHealth } from "./fault.ts";
import { auditInflux, linesFrom } from "./influx-audit.ts";
import { startLoad } from "./load.ts";
import { cpuByThread, residentBytes } from "./machine.ts";
import { type Estate, writeSites } from "./site.ts";

export interface AwayOptions {
  readonly estate: Estate;
  readonly connections: number;
  /** Offered messages a second, all the time. */
  readonly rate: number;
  readonly awayS: number;
  /** Lines that the bare writer sends. */
  readonly bareLines: number;
  readonly say?: (text: string) => void;
  /** Of the product. */
  readonly nodeOptions?: string;
}

export interface AwayResult {
  readonly rate: number;
  readonly awayS: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number;
  /** Readings that waited in the spool when the server came back. */
  readonly backlog: number;
  /** From the server's first answer to less than a second of live readings waiting. */
  readonly catchUpS: number;
  readonly catchUpPerS: number;
  readonly bareBesideLivePerS: number;
  readonly barePerS: number;
  /** catchUpPerS to barePerS. */
  readonly ratio: number;
  /** MB of 10^6 bytes, the product's resident memory. */
  readonly mb: { readonly before: number; readonly mostWhileAway: number; readonly mostInCatchUp: number };
  /** Longest time that the broker's thread did not turn, ms. */
  readonly heldMs: {
    readonly before: number | null;
    readonly whileAway: number | null;
    readonly inCatchUp: number | null;
  };
  /** While catching up, by thread of the product. */
  readonly threadCores: Readonly<Record<string, number>>;
  readonly audit: AuditResult & { readonly superseded: number; readonly miscounted: number };
}

const warmS = 5;
const lookMs = 100;
const catchUpTimes = 3; // the time away
const leastCatchUpS = 120;

export async function measureAway(options: AwayOptions): Promise<AwayResult> {
  const { rate, awayS, say = () => undefined } = options;
  const catchUpWithinS = Math.max(leastCatchUpS, catchUpTimes * awayS);
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const influxd = stack.use(await startInfluxd());
  const product = await startProduct(join(folder.path, "data"), {
    ENERGY_SITES_DIR: await writeSites(folder.path, options.estate),
    STORE_URL: influxd.url("wattlas"),
    DEPLOY_LOG: "silent",
    DEPLOY_HEALTH_MS: "1000",
    ...(options.nodeOptions === undefined ? {} : { NODE_OPTIONS: options.nodeOptions }),
  });
  stack.defer(async () => {
    await product.end("SIGTERM");
  });

  const pending = async (): Promise<number> => (await storeHealth(product)).pendingReadings;
  let mostMb = 0;
  const watchMemory = async (): Promise<number> => {
    mostMb = Math.max(mostMb, Math.round((await residentBytes(product.pid)) / 1e6));
    return mostMb;
  };
  /** Looks until it holds, with an eye on memory. */
  const until = async (holds: () => Promise<boolean>, withinS: number, what: string): Promise<void> => {
    const end = performance.now() + withinS * 1000;
    for (;;) {
      await watchMemory();
      if (await holds()) return;
      if (performance.now() > end) throw new Error(`${what}: not within ${withinS} s`);
      await wait(lookMs);
    }
  };

  const connected = Promise.withResolvers<void>();
  const load = startLoad(
    {
      ...options.estate,
      connections: options.connections,
      port: new URL(product.mqttUrl).port,
      rate,
      burst: Math.max(1, Math.min(8, Math.ceil(rate / 1000))),
      "warm-s": 0,
      seconds: warmS + awayS + catchUpWithinS,
      "drain-s": 60,
    },
    (phase) => {
      if (phase === "connected") connected.resolve();
    },
  );
  stack.defer(load.end);
  await Promise.race([connected.promise, load.result]);
  const liveFrom = Date.now();
  await wait(warmS * 1000);
  await until(async () => (await pending()) < rate, 120, "the first readings are sent");
  const beforeMb = await watchMemory();

  const awayFrom = Date.now();
  await influxd.stop("SIGKILL");
  say(`InfluxDB is killed; it stays away for ${awayS} s at ${rate} messages/s`);
  const awayUntil = performance.now() + awayS * 1000;
  mostMb = 0;
  await until(async () => performance.now() >= awayUntil, awayS + 60, "the time is over");
  const mostWhileAway = mostMb;

  await influxd.start();
  const backAt = Date.now();
  const threadsBefore = await cpuByThread(product.pid);
  const began = performance.now();
  const backlog = await pending();
  say(`InfluxDB answers again; ${backlog} readings wait`);
  mostMb = 0;
  let left = backlog;
  let saidAt = 0;
  await until(
    async () => {
      left = await pending();
      const seconds = Math.floor((performance.now() - began) / 10_000) * 10;
      if (seconds > saidAt) say(`${seconds} s: ${left} readings wait`);
      saidAt = seconds;
      return left < rate;
    },
    catchUpWithinS,
    "the spool is drained",
  );
  const catchUpS = (performance.now() - began) / 1000;
  const drainedAt = Date.now();
  const mostInCatchUp = mostMb;
  const threadCores = Object.fromEntries(
    [...(await cpuByThread(product.pid))]
      .map(([name, used]) => [name, Number(((used - (threadsBefore.get(name) ?? 0)) / catchUpS).toFixed(2))] as const)
      .filter(([, cores]) => cores >= 0.01),
  );
  const catchUpPerS = (backlog + rate * catchUpS - left) / catchUpS;
  say(`drained after ${catchUpS.toFixed(1)} s: ${Math.round(catchUpPerS)} lines/s`);

  const lines = await linesFrom(influxd.port, liveFrom, options.bareLines);
  const bareBesideLivePerS = await writeBare(influxd.port, "bare1", lines);
  load.stop();
  const result = await load.result;
  await until(async () => (await pending()) === 0, 120, "the last readings are sent");
  const barePerS = await writeBare(influxd.port, "bare2", lines);
  say(`bare writer: ${Math.round(bareBesideLivePerS)} lines/s beside live readings, ${Math.round(barePerS)} alone`);

  const journal = await load.journal();
  const audit = await auditInflux(influxd.port, journal);
  let miscounted = 0;
  for (const [site, entries] of Map.groupBy(journal, (entry) => entry.site)) {
    const counts = await storedCounts(product.url, site);
    for (const { device, sent, acked } of entries) {
      const count = counts.get(device) ?? 0;
      if (count < acked || count > sent) miscounted += 1;
    }
  }
  return {
    rate,
    awayS,
    sent: result.sent,
    acknowledged: result.acknowledged,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    maxMs: result.maxMs,
    backlog,
    catchUpS: Number(catchUpS.toFixed(1)),
    catchUpPerS: Math.round(catchUpPerS),
    bareBesideLivePerS: Math.round(bareBesideLivePerS),
    barePerS: Math.round(barePerS),
    ratio: Number((catchUpPerS / barePerS).toFixed(2)),
    mb: { before: beforeMb, mostWhileAway, mostInCatchUp },
    heldMs: {
      before: await longestPause(product.url, liveFrom + 1000, awayFrom),
      whileAway: await longestPause(product.url, awayFrom, backAt),
      inCatchUp: await longestPause(product.url, backAt, drainedAt + 1000),
    },
    threadCores,
    audit: { ...audit, miscounted },
  };
}

export const isWholeAfter = ({ audit }: AwayResult): boolean =>
  audit.lost + audit.duplicates + audit.invented + audit.superseded + audit.miscounted === 0;
