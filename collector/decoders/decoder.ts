import type { InboundMessage } from "#broker";
import type { CollectorCode } from "../codes.ts";

/**
 * The decoder port: one dialect, one plain object. Decoders are pure and never throw: what they cannot read is a
 * rejection. All pass `decoder.suite.ts`.
 */
export interface Decoder {
  readonly name: string;
  /** Whether the topic belongs to this dialect; the first decoder that says so decodes. */
  matches(topic: TopicLevels): boolean;
  decode(source: Source): Decoded;
}

/** A topic, cut once for all decoders. */
export interface TopicLevels {
  readonly address: InboundMessage["address"];
  readonly levels: readonly string[];
}

export interface Source extends TopicLevels {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** UTC ms. */
  readonly received: number;
  /** Site of a dialect that names none. */
  readonly site: string;
}

export interface Decoded {
  readonly readings: readonly Candidate[];
  readonly rejected: readonly Rejection[];
}

/** What a decoder read, in our names and units, before the checks. */
export interface Candidate {
  readonly site: string;
  readonly device: string;
  /** UTC ms as the device said it; `undefined` when it said nothing. */
  readonly ts: unknown;
  /** Pairs, not an object: names come from outside. */
  readonly values: readonly (readonly [quantity: string, value: unknown])[];
}

export interface Rejection {
  readonly code: CollectorCode;
  /** One bounded sentence that quotes what was wrong. */
  readonly reason: string;
  /** Empty when no site is known. */
  readonly site: string;
}

export const nothing: Decoded = { readings: [], rejected: [] };

export const refuse = (code: CollectorCode, reason: string, site = ""): Decoded => ({
  readings: [],
  rejected: [{ code, reason, site }],
});
