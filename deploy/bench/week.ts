// npm run audit:week -- --days 7
import { openCommand } from "../command.ts";
import { temporaryFolder } from "../product.ts";
import { machine } from "./machine.ts";
import { weekAudit } from "./week-audit.ts";

// A Sunday 00:00 of the demonstration site. The week is over whenever this runs: what is still to come would be live.
const sunday = Date.parse("2026-11-08T00:00:00+08:00");

const usage = `usage: npm run audit:week -- [--days 7] [--capsules 100]
  Brings the demonstration's recorded week in over MQTT as fast as it goes, kills the product half-way, and compares every
  transition of every alert, shadow rules included: as recorded live, made again from the stored readings alone,
  backtested by command and over HTTP, and replayed from capsules.
Exit 0: all the same, 1: one byte differs, 2: not used so.`;

const { values, refuse } = openCommand({
  usage,
  options: { days: { type: "string", default: "7" }, capsules: { type: "string", default: "100" } },
});
const [days, capsules] = [Number(values.days), Number(values.capsules)];
if (!(days > 0 && days <= 7)) refuse(`--days must be a number above 0, at most 7, got "${values.days}"`);
if (!(capsules >= 0)) refuse(`--capsules must say how many alerts travel, got "${values.capsules}"`);
await using folder = await temporaryFolder();
const began = performance.now();
const result = await weekAudit({
  folder: folder.path,
  from: sunday,
  to: sunday + Math.round(days * 1440) * 60_000,
  capsules,
  onStep: (step) => process.stdout.write(`${((performance.now() - began) / 1000).toFixed(0)} s: ${step}\n`),
});
const { live, replayed, backtested, api, capsulesThatDiffer, ...figures } = result;
const isSame = (lines: readonly string[]): boolean => lines.join("\n") === live.join("\n");
const verdicts = {
  replayed: isSame(replayed),
  backtested: isSame(backtested),
  api: api.equal && api.sha256 === figures.sha256,
  capsules: capsulesThatDiffer.length === 0,
};
const passed = live.length > 0 && Object.values(verdicts).every(Boolean);
process.stdout.write(
  `${passed ? "✓" : "✗"} ${figures.readings} readings, ${figures.accounts} accounts: ${live.length} transitions of ${figures.alerts} alerts ` +
    `(${figures.shadowAlerts} in shadow mode) of ${figures.rules.join(" ")}\n`,
);
for (const [way, same] of Object.entries(verdicts))
  process.stdout.write(`  ${way}: ${same ? "the same" : "DIFFERENT"}\n`);
for (const [way, lines] of Object.entries({ replayed, backtested })) {
  const index = live.findIndex((line, at) => line !== lines[at]);
  if (!isSame(lines))
    process.stdout.write(`  live     ${live[index] ?? "nothing"}\n  ${way} ${lines[index] ?? "nothing"}\n`);
}
for (const one of capsulesThatDiffer) process.stdout.write(`  capsule ${one}\n`);
const seconds = Math.round((performance.now() - began) / 1000);
process.stdout.write(
  `${JSON.stringify({ audit: "week", machine: machine(), passed, days, seconds, ...verdicts, ...figures })}\n`,
);
process.exitCode = passed ? 0 : 1;
