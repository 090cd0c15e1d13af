export { type CollectorCode, collectorCodes, type DeadLetter } from "./codes.ts";
