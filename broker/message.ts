import type { TopicAddress } from "./topic.ts";

/** Who is publishing. */
export interface Identity {
  /** User name; `anonymous` on loopback, `wattlas` for the product itself. */
  readonly user: string;
  readonly role: "system" | "admin" | "gateway" | "device" | "reader";
  /** The one site it may write to; null is any (admin, anonymous on loopback). */
  readonly site: string | null;
  /** The one device it may write as; null is any of its site. */
  readonly device: string | null;
  readonly clientId: string;
  readonly loopback: boolean;
}

/** A publish that passed the access rules. */
export interface InboundMessage {
  readonly topic: string;
  /** Parts of a `dc/…` topic; null for a foreign dialect (Shelly, Telegraf) and for a `dc/…` topic of no known form. */
  readonly address: TopicAddress | null;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly identity: Identity;
  /** Wall clock of the broker, UTC ms. */
  readonly received: number;
}

export interface OutboundMessage {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}
