import { HttpError } from "@influxdata/influxdb-client";

export interface BackOff {
  readonly firstMs: number;
  readonly mostMs: number;
}

const longestAskedMs = 300_000;

/**
 * How long to wait after `failures` failures before this one: doubled each time, half of it at random so that many
 * shards do not come back at once, and never less than the server's `Retry-After` (seconds or a date) asks for.
 */
export const waitAfter = (
  error: unknown,
  of: { readonly failures: number; readonly random: number; readonly now: number },
  { firstMs, mostMs }: BackOff,
): number => {
  const most = Math.min(mostMs, firstMs * 2 ** Math.min(of.failures, 20));
  return Math.max(Math.min(askedMs(error, of.now), longestAskedMs), most * (0.5 + of.random / 2));
};

const askedMs = (error: unknown, now: number): number => {
  if (!(error instanceof HttpError)) return 0;
  const seconds = error.retryAfter();
  if (seconds > 0) return seconds * 1000;
  // The client reads seconds only.
  const date = Date.parse(String(error.headers?.["retry-after"] ?? ""));
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
};
