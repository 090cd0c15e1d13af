export { AccessDeniedError, type BrokerCode, brokerCodes } from "./errors.ts";
export type { Identity, InboundMessage, OutboundMessage } from "./message.ts";
export type { TopicAddress } from "./topic.ts";
