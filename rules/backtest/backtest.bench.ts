import { parseArgs } from "node:util";
import type { NodeAccount } from "#energy";
import { loadCatalogue } from "../catalogue.ts";
import { alertHash } from "../hash.ts";
import { createRun } from "../run.ts";
import { accountOf, siteOf } from "../specimen.ts";

// Judging history, without reading it from a store:
//   node rules/backtest/backtest.bench.ts [--days 30] [--points 1000] [--rules 30]
// One account a minute of a site of that many metered nodes, under the first so many rules on accounts and others; says
// how long it takes on one thread.

const { values: options } = parseArgs({
  options: {
    days: { type: "string", default: "30" },
    points: { type: "string", default: "1000" },
    rules: { type: "string", default: "30" },
  },
});
const [days, points, most] = [Number(options.days), Number(options.points), Number(options.rules)];
const loaded = await loadCatalogue();
if (!loaded.ok) throw new Error("BUG: the shipped rules load");
const onAccounts = loaded.catalogue.rules.filter(({ on }) => on === "account");
const rules = [...onAccounts, ...loaded.catalogue.rules.filter(({ on }) => on !== "account")].slice(0, most);
const nodes = Array.from({ length: points }, (_, index) => ({
  ...{ id: `n-${index}`, kind: "it" as const, ratingW: 10_000, capacityWh: null },
}));
const model = siteOf({ id: "hall", devices: [], intervalMs: 60_000, nodes });
const run = createRun({ sites: [model], rules, hash: alertHash, catchupWaitMs: 60_000 });

const minuteMs = 60_000;
const start = 1_795_219_200_000;
const part = (meanW: number): NodeAccount => ({
  ...{ forwardWh: meanW / 60, reverseWh: 0, meanW, minW: meanW, maxW: meanW, socPct: null },
  ...{ coverage: 1, quality: "MEASURED", flags: [] },
});
const began = performance.now();
let [judgingMs, transitions] = [0, 0];
for (let minute = 0; minute < days * 1440; minute++) {
  const at = start + minute * minuteMs;
  // Every node wanders, one in a thousand minutes past its rating.
  const accounts = Object.fromEntries(
    nodes.map(({ id }, index) => [
      id,
      part((minute * 7 + index * 13) % 1000 === 0 ? 10_500 : 4000 + ((minute + index) % 60) * 10),
    ]),
  );
  const account = accountOf({
    ...{ site: "hall", start: at, end: at + minuteMs, nodes: accounts },
    ...{ importW: 5e6, supplyW: 5e6, loadW: 5e6, residualW: 1000, uncertaintyW: 8000, itW: 4e6, facilityW: 5e6 },
  });
  const from = performance.now();
  transitions += run.take({ kind: "account", account, wall: at + minuteMs }).length;
  judgingMs += performance.now() - from;
}
const result = {
  ...{ days, points, rules: rules.length, onAccounts: rules.filter(({ on }) => on === "account").length },
  ...{ onNodes: rules.filter(({ on, subject }) => on === "account" && subject === "node").length, transitions },
  judgingS: Math.round(judgingMs / 100) / 10,
  wholeS: Math.round((performance.now() - began) / 100) / 10,
  msPerMinute: Math.round((judgingMs / (days * 1440)) * 1000) / 1000,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
