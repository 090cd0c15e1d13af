import { createColumnBuilder, createNameBook, type ReadingColumns } from "#store";
import { loadCatalogue } from "./catalogue.ts";
import { alertHash } from "./hash.ts";
import { parseRule, type Rule } from "./rule.ts";
import { createRun } from "./run.ts";
import { siteOf } from "./specimen.ts";

// Every rack of a province under three rules of its own, six values every 10 s: silence (R04), inlet temperature (R31)
// and power. One rack in a thousand is too hot. As a share of one core:
//   node rules/watch.bench.ts [sites] [racks] [rounds]

const [sites = 864, racks = 400, rounds = 6] = process.argv.slice(2).map(Number);
const everyMs = 10_000;
const warmRounds = 2;
const pageRows = 4096;
const names = ["power_w", "energy_import_wh", "voltage_l1_v", "current_l1_a", "power_factor", "inlet_c"];
const overload = `id: B01
version: 1
title: { en: Rack draws too much, zh-CN: 机柜功率过高 }
action: { en: Move work, zh-CN: 迁移负载 }
on: reading
subject: device
inputs: [power_w]
thresholds: { limit_w: "0.9 * kW(8)" }
levels:
  - { severity: WARNING, subcode: load, trigger: power_w > limit_w, hold_on_s: 60, clear: power_w < 0.95 * limit_w, hold_off_s: 60 }
`;

const loadRules = async (): Promise<readonly Rule[]> => {
  const loaded = await loadCatalogue();
  const own = parseRule(overload, "b01.yaml");
  if (!loaded.ok || !own.ok) throw new Error("BUG: the rules of the benchmark do not load");
  return [...loaded.catalogue.rules.filter(({ id }) => id === "R04" || id === "R31"), own.rule];
};

const rackNames = Array.from({ length: racks }, (_, index) => `r-${index + 1}`);
const models = Array.from({ length: sites }, (_, index) =>
  siteOf({ id: `sim-${index + 1}`, devices: rackNames, intervalMs: everyMs }),
);
const book = createNameBook();
const shape = book.shape(names);
const builder = createColumnBuilder(book);
const start = Date.UTC(2026, 10, 23, 8);

function* pagesOf(round: number): Generator<ReadingColumns> {
  const ts = start + round * everyMs;
  let number = 0;
  for (const { id } of models)
    for (const rack of rackNames) {
      number += 1;
      const received = ts + Math.floor((number * everyMs) / (sites * racks));
      const watts = 2000 + ((number * 7919 + round * 101) % 4000);
      const inlet = number % 1000 === 0 ? 29 : 22 + ((number + round) % 4);
      const row = { device: book.device(id, rack), shape, ts: received - 20, received, flags: 0 };
      builder.add(row, [watts, 1e8 + number + round, 230, watts / 230, 0.98, inlet]);
      if (builder.rows() === pageRows) yield builder.take();
    }
  yield builder.take();
}

const run = createRun({ sites: models, rules: await loadRules(), hash: alertHash, catchupWaitMs: 60_000 });
let [ms, longest, alerts] = [0, 0, 0];
for (let round = 0; round < warmRounds + rounds; round += 1) {
  for (const columns of pagesOf(round)) {
    const [began, used] = [performance.now(), process.cpuUsage()];
    alerts += run.take({ kind: "columns", columns }).length;
    if (round < warmRounds) continue;
    const { user, system } = process.cpuUsage(used);
    ms += (user + system) / 1000;
    longest = Math.max(longest, performance.now() - began);
  }
}
const share = ms / (rounds * everyMs);
process.stdout.write(
  `${sites * racks} racks, three rules each, every 10 s: ${share.toFixed(3)} of a core ` +
    `(${((ms * 1000) / (rounds * sites * racks)).toFixed(2)} µs a reading, longest page ${longest.toFixed(0)} ms, ${alerts} transitions)\n`,
);
