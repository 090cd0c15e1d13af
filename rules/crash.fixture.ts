// A process to be killed: accounts a story minute by minute into a store on disk under running rules, and says what it is told.
import { writeSync } from "node:fs";
import { type Json, openStore, storeSchema, timestamp } from "#store";
import { startRules } from "./engine.ts";
import { accountOf, siteOf } from "./specimen.ts";

const [, , dataDir = "", story = ""] = process.argv;
const t0 = Date.UTC(2026, 10, 23, 8);
const residuals: Readonly<Record<string, number | null>> = { h: 30_000, l: 0, u: null };

await using store = await openStore(storeSchema.parse({ DATA_DIR: dataDir }), {
  role: "writer",
  onError: (error) => {
    throw error;
  },
});
const { readings, ledger } = store;
await using rules = await startRules(
  { RULES_TICK_MS: 100, RULES_CATCHUP_WAIT_MS: 60_000, RULES_SAVE_MS: 100, RULES_ON: [] },
  {
    readings,
    ledger,
    sites: [siteOf({ id: "hall", devices: [], intervalMs: 10_000 })],
    publish: ({ payload }) => void writeSync(1, `${payload}\n`),
    onError: (error) => {
      throw error;
    },
  },
);
const done = await ledger.list({ kind: "account/1m", limit: 10_000 });
for (let minute = done.items.length; minute < story.length; minute++) {
  const start = t0 + minute * 60_000;
  const residualW = residuals[story[minute] ?? ""] ?? null;
  const body = accountOf({ site: "hall", start, end: start + 60_000, residualW, uncertaintyW: 8650, supplyW: 1.5e6 });
  await ledger.commit([
    {
      op: "put",
      kind: "account/1m",
      key: `hall/${start}`,
      site: "hall",
      ts: timestamp(start),
      body: body as unknown as Json,
    },
  ]);
}
await rules.settled();
