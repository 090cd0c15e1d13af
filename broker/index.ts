export { mayWrite } from "./access.ts";
export { type BrokerSettings, brokerSchema } from "./config.ts";
export { AccessDeniedError, type BrokerCode, brokerCodes } from "./errors.ts";
export type { Identity, InboundMessage, OutboundMessage } from "./message.ts";
export { type Broker, type BrokerDeps, startBroker } from "./server.ts";
export type { Refusal } from "./tally.ts";
export { formatTopic, parseTopic, type TopicAddress, type TopicResult } from "./topic.ts";
