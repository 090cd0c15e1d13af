export { createMemoryLedger } from "./ledger.ts";
export { createMemoryReadings } from "./readings.ts";
