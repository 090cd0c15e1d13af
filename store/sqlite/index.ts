export { openSqliteLedger } from "./ledger.ts";
export { openSqliteReadings } from "./readings.ts";
