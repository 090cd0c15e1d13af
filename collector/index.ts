export { type CollectorCode, collectorCodes, type DeadLetter } from "./codes.ts";
export { type CollectorSettings, collectorSchema } from "./config.ts";
export type { CollectorCounters } from "./counters.ts";
export type { Mapping } from "./decoders/mapping.ts";
export { type MappingFault, type MappingResult, parseMapping } from "./decoders/parse-mapping.ts";
export { type LoadedMappings, loadMappings } from "./mappings.ts";
export {
  type Collector,
  type CollectorDeps,
  type CollectorReport,
  collectorReports,
  startCollector,
} from "./pipeline.ts";
export {
  type Subscription,
  type SubscriptionCounters,
  type SubscriptionDeps,
  type SubscriptionReport,
  startSubscription,
  subscriptionReports,
} from "./subscribe.ts";
