import { get } from "node:http";
import type { Alert } from "#rules";

export interface Spread {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

export const spreadMs = (values: readonly number[]): Spread => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  return { count: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
};

export interface AlertWatch {
  /** When each alert was first seen in each state, wall clock ms: `subject/state/occurrences`. */
  readonly seen: ReadonlyMap<string, number>;
  readonly bytes: () => number;
  readonly events: () => number;
  readonly mostPerS: () => number;
  /** Resolves at the time at which it is seen; null when it does not come. */
  wait(subject: string, state: Alert["state"], mostMs: number): Promise<number | null>;
  end(): void;
}

/** Listens to the alerts of one rule on the live stream, as a browser does. */
export const watchAlerts = (url: string, rule: string): AlertWatch => {
  const seen = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const perS = new Map<number, number>();
  let [bytes, events, rest] = [0, 0, ""];
  const take = (event: string): void => {
    if (!/^event: alert$/m.test(event)) return;
    const at = Date.now();
    events++;
    const second = Math.floor(at / 1000);
    perS.set(second, (perS.get(second) ?? 0) + 1);
    const alert = JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? "{}") as Alert;
    if (alert.rule !== rule) return;
    const name = `${alert.subject}/${alert.state}`;
    seen.set(`${name}/${alert.changed.site}`, at);
    waiting.get(name)?.(at);
    waiting.delete(name);
  };
  const request = get(`${url}/api/v1/live`, (response) => {
    response.setEncoding("utf8").on("data", (chunk: string) => {
      bytes += Buffer.byteLength(chunk);
      const parts = (rest + chunk).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) take(part);
    });
  });
  request.on("error", () => undefined);
  return {
    seen,
    bytes: () => bytes,
    events: () => events,
    mostPerS: () => Math.max(0, ...perS.values()),
    wait: (subject, state, mostMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(null), mostMs);
        waiting.set(`${subject}/${state}`, (at) => {
          clearTimeout(timer);
          resolve(at);
        });
      }),
    end: () => request.destroy(),
  };
};
