// npm run bench:alerts -- --only flood
import { mkdir, readdir } from "node:fs/promises";
import { openCommand } from "../command.ts";
import { temporaryFolder } from "../product.ts";
import { measureFlood } from "./alert-flood.ts";
import { measureLatency } from "./alert-latency.ts";
import { machine } from "./machine.ts";
import { measurePast, seedPast } from "./past-alerts.ts";

const usage = `usage: npm run bench:alerts -- [--only past,flood,latency] [--alerts 250000] [--active 10000] [--minutes 4] [--keep <folder>] [--seed]
  past     a ledger of 250,000 finished alerts, a million transitions: start, first pages by every filter, CSV
  flood    10,000 alerts active at once: how late an instant rule is, the first page, the live stream
  latency  from a reading's acknowledgement, and from a window's close, to the alert on the live stream
  --keep   a folder whose ledger is written once and used again; --seed only writes it`;

const { values, refuse } = openCommand({
  usage,
  options: {
    only: { type: "string", default: "past,flood,latency" },
    alerts: { type: "string", default: "250000" },
    active: { type: "string", default: "10000" },
    minutes: { type: "string", default: "4" },
    keep: { type: "string" },
    seed: { type: "boolean", default: false },
  },
});
const parts = values.only.split(",");
const strange = parts.find((part) => !["past", "flood", "latency"].includes(part));
if (strange !== undefined) refuse(`--only must name some of past, flood, latency, got "${strange}"`);
const count = (name: "alerts" | "active" | "minutes"): number => {
  const number = Number(values[name]);
  return Number.isInteger(number) && number > 0
    ? number
    : refuse(`--${name} must be a whole number above 0, got "${values[name]}"`);
};
const limits = { pageMs: 300, decideMs: 1000 };
const lines: string[] = [];
const row = (what: string, figure: string, met: boolean | null): void => {
  lines.push(`${met === null ? " " : met ? "✓" : "✗"} ${what.padEnd(112)} ${figure}`);
};
const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);
await using temporary = await temporaryFolder();
const result: Record<string, unknown> = { bench: "alerts", machine: machine() };

if (parts.includes("past")) {
  const alerts = count("alerts");
  const folder = values.keep ?? `${temporary.path}/past`;
  await mkdir(folder, { recursive: true });
  const now = Date.now();
  const began = performance.now();
  if (!(await readdir(folder)).includes("ledger.db")) await seedPast(folder, alerts, now);
  const seedS = Math.round((performance.now() - began) / 1000);
  if (values.seed) process.exit(0);
  const past = await measurePast(folder, alerts, now, seedS, say);
  result.past = past;
  row(`${past.transitions} transitions of ${past.alerts} alerts: start to the first page`, `${past.startMs} ms`, null);
  row("every alert found", `${past.indexedMs} ms, ${past.residentMb} MB resident`, past.indexedMs < 60_000);
  for (const { query, found, p50Ms, maxMs } of past.pages)
    row(query, `p50 ${p50Ms} ms, max ${maxMs} ms (${found} items)`, maxMs <= limits.pageMs);
  const { firstByteMs, seconds, lines: csvLines, mb, grownMb } = past.csv;
  row(
    "alerts.csv",
    `first byte ${firstByteMs} ms, ${csvLines} lines and ${mb} MB in ${seconds} s, memory +${grownMb} MB`,
    firstByteMs <= limits.pageMs,
  );
}
if (parts.includes("flood")) {
  const flood = await measureFlood(`${temporary.path}/flood`, count("active"));
  result.flood = flood;
  row(
    `${flood.active} alerts become active: all on record after the last acknowledgement`,
    `${flood.recordedMs} ms`,
    null,
  );
  row(
    "an instant rule beside them: acknowledged to live stream",
    `p50 ${flood.instant.p50Ms} ms, p95 ${flood.instant.p95Ms} ms, max ${flood.instant.maxMs} ms of ${flood.instant.count}`,
    flood.instant.maxMs <= limits.decideMs,
  );
  for (const { query, p50Ms, maxMs } of flood.pages)
    row(query, `p50 ${p50Ms} ms, max ${maxMs} ms`, maxMs <= limits.pageMs);
  row(
    "live stream while they came, one client",
    `${flood.live.alertEvents} alert events, ${flood.live.mb} MB in ${flood.live.seconds} s; busiest second ${flood.live.mostAlertEventsPerS} alert events`,
    null,
  );
}
if (parts.includes("latency")) {
  const latency = await measureLatency(`${temporary.path}/latency`, count("minutes"));
  result.latency = latency;
  for (const [what, { count: samples, p50Ms, p95Ms, maxMs }] of Object.entries(latency))
    row(what, `p50 ${p50Ms} ms, p95 ${p95Ms} ms, max ${maxMs} ms of ${samples}`, maxMs <= limits.decideMs);
}
process.stdout.write(`${lines.join("\n")}\n${JSON.stringify(result)}\n`);
if (lines.some((line) => line.startsWith("✗"))) process.exitCode = 1;
