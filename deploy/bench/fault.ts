import { setTimeout as wait } from "node:timers/promises";
import { type Product, startProduct } from "../product.ts";
import { type AuditResult, auditLoad } from "./audit.ts";
import { type LoadResult, startLoad } from "./load.ts";

/** What became of a fault: `skipped` says what the machine lacks. */
export interface Verdict {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly figures: Readonly<Record<string, number | string | null>>;
}

/** `short` is what a test has time for. */
export interface Fault {
  readonly name: string;
  readonly run: (short: boolean) => Promise<Verdict>;
}

export const judge = (passed: boolean, figures: Verdict["figures"]): Verdict => ({
  outcome: passed ? "passed" : "failed",
  figures,
});
export const skip = (why: string): Verdict => ({ outcome: "skipped", figures: { why } });

interface HealthWire {
  readonly store: { readonly state: string; readonly reason: string; readonly pendingReadings: number };
}

export async function storeHealth(product: Product): Promise<HealthWire["store"]> {
  const answer = await fetch(`${product.url}/api/v1/health`);
  return ((await answer.json()) as HealthWire).store;
}

/** Waits until it holds; false when it did not in time. */
export async function until(holds: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) return false;
    await wait(50);
  }
  return true;
}

/** How often a code was refused so far, by the product's own count. */
export async function refused(product: Product, code: string): Promise<number> {
  const answer = await fetch(`${product.url}/api/v1/ingest`);
  const { rejectedByCode } = (await answer.json()) as { readonly rejectedByCode: Readonly<Record<string, number>> };
  return rejectedByCode[code] ?? 0;
}

export interface Survived<Acted> {
  readonly load: LoadResult;
  readonly audit: AuditResult;
  readonly acted: Acted;
}

const racks = 20;
export const quiet: Readonly<Record<string, number>> = { sites: 1, racks, connections: 8, "warm-s": 0, "drain-s": 60 };

/** Runs a product under load, lets `act` do its harm meanwhile, then compares what was acknowledged with what is there. */
export async function survive<Acted>(parts: {
  readonly dataDir: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly flags: Readonly<Record<string, number>>;
  readonly act: (product: Product) => Promise<Acted>;
  /** After the load, before the audit. */
  readonly settle?: (product: Product) => Promise<void>;
}): Promise<Survived<Acted>> {
  const product = await startProduct(parts.dataDir, {
    DEPLOY_HEALTH_MS: "1000",
    DEPLOY_LOG: "silent",
    ...parts.settings,
  });
  try {
    const connected = Promise.withResolvers<void>();
    const load = startLoad({ ...quiet, ...parts.flags, port: new URL(product.mqttUrl).port }, (phase) => {
      if (phase === "connected") connected.resolve();
    });
    try {
      await Promise.race([connected.promise, load.result]);
      const acted = await parts.act(product);
      const result = await load.result;
      await parts.settle?.(product);
      return { load: result, acted, audit: await auditLoad(product.url, await load.journal(), 8) };
    } finally {
      load.end();
    }
  } finally {
    await product.end("SIGTERM");
  }
}

export const isWhole = ({ load, audit }: Survived<unknown>): boolean =>
  load.closed === 0 && load.drained && load.acknowledged > 0 && audit.lost + audit.duplicates + audit.invented === 0;

export const whole = ({ load, audit }: Survived<unknown>): Verdict["figures"] => ({
  acknowledged: load.acknowledged,
  lost: audit.lost,
  twice: audit.duplicates,
  p99Ms: load.p99Ms,
  longestMs: load.maxMs,
});
