import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, storeSchema } from "#store";
import { openCommand } from "../../deploy/command.ts";
import { loadCatalogue } from "../catalogue.ts";
import { alertHash } from "../hash.ts";
import { createBacktestDesk } from "./desk.ts";
import { hallOf, historyStart, ownRules, writeHistory } from "./history.fixture.ts";

const usage = `usage: node rules/backtest/backtest.bench.ts [--days 30] [--points 1000] [--data <folder to keep>] [--fill]
  Judges history as an operator would, from a store on disk: a hall of that many metering points (450 racks on two
  cords, UPSs, cooling, grid, roofs, batteries: 526 nodes), its account of every minute in the ledger, readings of its
  supply in the store; the 23 shipped window rules and seven of its own, each about the subjects it really has: 15 about
  every node, 15 about the site. --fill only writes.`;

const { values: options, refuse } = openCommand({
  usage,
  options: {
    days: { type: "string", default: "30" },
    points: { type: "string", default: "1000" },
    data: { type: "string" },
    fill: { type: "boolean", default: false },
  },
});
const [days, points] = [Number(options.days), Number(options.points)];
if (!(days > 0)) refuse(`--days must be a number above 0, got "${options.days}"`);
if (!(points > 0)) refuse(`--points must be a number above 0, got "${options.points}"`);
const model = hallOf(points);
const loaded = await loadCatalogue();
if (!loaded.ok) throw new Error("BUG: the shipped rules load");
const rules = [...loaded.catalogue.rules, ...ownRules()];
const tried = rules.filter(({ on }) => on === "account");

const folder = options.data ?? (await mkdtemp(join(tmpdir(), "wattlas-backtest-")));
const settings = storeSchema.parse({ DATA_DIR: folder });
const onError = (error: unknown): void => {
  throw error;
};
const say = (result: Readonly<Record<string, unknown>>): void =>
  void process.stdout.write(`${JSON.stringify(result)}\n`);
if (options.data === undefined || options.fill) {
  const began = performance.now();
  await using store = await openStore(settings, { role: "writer", onError });
  await writeHistory(store, model, days);
  say({ writtenS: Math.round((performance.now() - began) / 1000) });
}
if (!options.fill) {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await using store = await openStore(settings, { role: "reader", onError });
  const desk = createBacktestDesk({
    ...{ readings: store.readings, ledger: store.ledger, sites: [model], rules, hash: alertHash },
    maintenance: async () => [],
  });
  const [first = "", ...also] = tried.map(({ id }) => id);
  const to = historyStart + days * 86_400_000;
  const result = await desk.backtest({ site: "hall", rule: first, also, from: historyStart, to });
  if (!result.ok) throw new Error(result.reason);
  const { after, others = [], readings, accounts } = result.backtest;
  const { user, system } = process.cpuUsage(cpu);
  const wholeS = (performance.now() - began) / 1000;
  say({
    ...{ days, points, nodes: model.nodes.length, rules: tried.length },
    ...{ onNodes: tried.filter(({ subject }) => subject === "node").length, readings, accounts },
    alerts: [after, ...others].reduce((sum, { alerts }) => sum + alerts.length, 0),
    ...{ wholeS: Math.round(wholeS * 10) / 10, cpuS: Math.round((user + system) / 1e5) / 10 },
    msPerMinute: Math.round((wholeS * 1e6) / accounts) / 1000,
  });
}
if (options.data === undefined) await rm(folder, { recursive: true });
