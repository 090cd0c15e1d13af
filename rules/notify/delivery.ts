import { type Json, type LedgerChange, type LedgerRow, timestamp } from "#store";
import type { Message } from "./channel.ts";

/**
 * One message to one channel, from queued to sent: what was said to whom, and what became of it. Ledger kind `delivery`,
 * key = the message's key, `ts` = when it was due; every attempt is a revision.
 */
export interface Delivery {
  readonly key: string;
  readonly channel: string;
  /** Null for what no route asked for: tests, reports. */
  readonly route: string | null;
  readonly state: "queued" | "sent" | "failed" | "muted";
  readonly message: Message;
  readonly attempts: number;
  /** Not before; UTC ms. */
  readonly nextAt: number;
  /** The receiver's words when sent, the last reason otherwise, the cause when muted. */
  readonly said: string;
}

export const deliveryKind = "delivery";
export const toldKind = "told";

export const putDelivery = (delivery: Delivery): LedgerChange => ({
  op: "put",
  kind: deliveryKind,
  key: delivery.key,
  site: delivery.message.alerts[0]?.site ?? "",
  ts: timestamp(delivery.message.at),
  body: delivery as unknown as Json,
});

export const readDelivery = (row: LedgerRow): Delivery => row.body as unknown as Delivery;
