import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createMemoryLedger } from "#store";
import { loadCatalogue } from "../catalogue.ts";
import { rulesSchema } from "../config.ts";
import { alertHash } from "../hash.ts";
import { failedAt, hall, recording } from "../mains.fixture.ts";
import { putAlert } from "../record.ts";
import { createRun } from "../run.ts";
import { startNotify } from "./notify.ts";

const plan = `
channels: [{ name: ops, kind: mqtt, topic: told/ops }]
routes:
  - { name: all, match: { severity: [WARNING, MAJOR, CRITICAL] }, group_wait_s: 10, tiers: [{ to: [ops] }] }
`;

test("a mains failure of four hundred racks is at most three messages in its first ten minutes", {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-mains-"));
  await writeFile(join(folder, "notify.yaml"), plan);
  const loaded = await loadCatalogue();
  if (!loaded.ok) throw new Error("the catalogue has faults");
  const rules = loaded.catalogue.rules.map((rule) => ({ ...rule, mode: "on" as const }));
  const run = createRun({ sites: [hall()], rules, hash: alertHash, catchupWaitMs: 60_000 });
  const readings = recording();
  let at = readings[0]?.received ?? 0;
  const ledger = createMemoryLedger({ now: () => at });
  const told: { readonly at: number; readonly title: string; readonly rules: readonly string[] }[] = [];
  const notify = await startNotify(rulesSchema.parse({ RULES_NOTIFY_FILE: join(folder, "notify.yaml") }), {
    ledger,
    sites: [{ id: "hall", timeZone: "UTC" }],
    rules: { open: async () => [], isCurrent: () => true, list: async () => ({ items: [], next: null }) },
    publish: ({ payload }) => {
      const { title, alerts } = JSON.parse(payload);
      told.push({ at, title, rules: alerts.map(({ rule }: { readonly rule: string }) => rule) });
    },
    now: () => at,
    timers: { every: () => () => undefined },
    onError: (error) => {
      throw error;
    },
  });
  try {
    for (let next = 0; next < readings.length; ) {
      const from = next;
      while (readings[next]?.received === readings[from]?.received) next += 1;
      at = readings[from]?.received ?? at;
      const changed = run.take({ kind: "readings", readings: readings.slice(from, next) });
      if (changed.length > 0) await ledger.commit(changed.map(putAlert));
      await notify.settled();
    }
    const early = told.filter((message) => message.at >= failedAt && message.at < failedAt + 600_000);
    expect(early.length).toBeGreaterThan(0);
    expect(early.length).toBeLessThanOrEqual(3);
    expect(early.flatMap((message) => message.rules)).toEqual(early.map(() => "R36"));
    // What is still so afterwards is told by rule, not by rack.
    expect(told.slice(early.length).every(({ rules: own }) => new Set(own).size === 1)).toBe(true);
    expect(told.length).toBeLessThan(12);
  } finally {
    await notify[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
});
