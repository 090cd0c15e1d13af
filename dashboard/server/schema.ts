// The wire types as zod schemas: what OpenAPI shows and what leaves the server. schema.test.ts keeps both equal.
export {
  account,
  accountDifference,
  accountRevisions,
  closeCycle,
  cycle,
  cycleReport,
  cycles,
} from "./schema/account.ts";
export { ack, alert, assign, comment, rule, shelve } from "./schema/alert.ts";
export { deadLetter, device, health, ingest, reading, series } from "./schema/ingest.ts";
export { catalogue, factors, kpiChange, kpis, report, trend } from "./schema/kpi.ts";
export { commandProblems, list, problem } from "./schema/parts.ts";
export { commissioning, now, site, supply } from "./schema/site.ts";
