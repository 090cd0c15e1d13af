/** Why a message or a value is not kept. Codes are API: never renamed. */
export const collectorCodes = [
  "COLLECTOR_TOPIC_UNKNOWN",
  "COLLECTOR_PAYLOAD_EMPTY",
  "COLLECTOR_PAYLOAD_NOT_JSON",
  "COLLECTOR_PAYLOAD_SHAPE",
  "COLLECTOR_BATCH_EMPTY",
  "COLLECTOR_DEVICE_INVALID",
  "COLLECTOR_QUANTITY_INVALID",
  "COLLECTOR_VALUE_NOT_NUMBER",
  "COLLECTOR_VALUE_NOT_FINITE",
  "COLLECTOR_VALUE_OUT_OF_RANGE",
  "COLLECTOR_TS_INVALID",
  "COLLECTOR_TS_TOO_FAR_AHEAD",
  "COLLECTOR_NO_QUANTITY",
  "COLLECTOR_MAPPING_PATH_MISSING",
  "COLLECTOR_STORE_REFUSED",
] as const;
export type CollectorCode = (typeof collectorCodes)[number];

/** A message or a part of one that was not kept. Ledger kind `dead-letter`. */
export interface DeadLetter {
  readonly topic: string;
  readonly code: CollectorCode;
  /** One sentence, bounded. */
  readonly reason: string;
  /** First 1 KB, as text; bytes that are not UTF-8 as `base64:…`. */
  readonly payload: string;
  readonly bytes: number;
  readonly user: string;
  readonly received: number;
}
