/** Tell the client: it may not do this. */
export class AccessDeniedError extends Error {
  readonly code: BrokerCode;
  constructor(message: string, options: { code: BrokerCode }) {
    super(message);
    this.name = new.target.name;
    this.code = options.code;
  }
}

/** Why the broker refuses or cuts. Codes are API: never renamed. */
export const brokerCodes = [
  "BROKER_ANONYMOUS_REFUSED",
  "BROKER_PASSWORD_WRONG",
  "BROKER_LOGIN_TOO_OFTEN",
  "BROKER_CLIENT_ID_REFUSED",
  "BROKER_TOPIC_MALFORMED",
  "BROKER_TOPIC_RESERVED",
  "BROKER_TOPIC_FOREIGN",
  "BROKER_SUBSCRIBE_REFUSED",
  "BROKER_PACKET_TOO_LARGE",
  "BROKER_PACKET_MALFORMED",
  "BROKER_PROTOCOL_REFUSED",
  "BROKER_TLS_FAILED",
  "BROKER_CERTIFICATE_REFUSED",
  "BROKER_CONNECT_TIMEOUT",
  "BROKER_CONNECT_TOO_OFTEN",
  "BROKER_KEEPALIVE_TOO_LONG",
  "BROKER_KEEPALIVE_MISSED",
  "BROKER_CONNECTIONS_FULL",
  "BROKER_ADDRESS_FULL",
  "BROKER_PUBLISH_TOO_FAST",
  "BROKER_ASKS_TOO_OFTEN",
  "BROKER_SUBSCRIPTIONS_FULL",
  "BROKER_SESSIONS_FULL",
  "BROKER_RETAINED_FULL",
  "BROKER_QUEUE_FULL",
  "BROKER_SLOW_CONSUMER",
  "BROKER_MESSAGE_FAILED",
  "BROKER_CLIENT_ERROR",
  "BROKER_STATE_FAILED",
  "BROKER_STATE_DAMAGED",
] as const;
export type BrokerCode = (typeof brokerCodes)[number];
