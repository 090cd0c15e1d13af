import type { InboundMessage } from "#broker";
import { type Json, type LedgerChange, timestamp } from "#store";
import type { CollectorCode, DeadLetter } from "./codes.ts";
import type { Rejection } from "./decoders/decoder.ts";

const minuteMs = 60_000;
const keptBytes = 1024;
const reasonLength = 300;

/** One letter for each code a message was rejected for; `times` counts the rejections it stands for. */
export interface Letter {
  readonly code: CollectorCode;
  readonly times: number;
  readonly site: string;
  readonly body: DeadLetter;
}

export const writeLetters = (message: InboundMessage, rejected: readonly Rejection[]): readonly Letter[] => {
  const byCode = new Map<CollectorCode, { first: Rejection; times: number }>();
  for (const rejection of rejected) {
    const seen = byCode.get(rejection.code);
    if (seen === undefined) byCode.set(rejection.code, { first: rejection, times: 1 });
    else seen.times += 1;
  }
  if (byCode.size === 0) return [];
  const payload = excerpt(message.payload);
  return [...byCode].map(([code, { first, times }]) => ({
    code,
    times,
    site: first.site,
    body: {
      topic: message.topic,
      code,
      reason: bounded(times === 1 ? first.reason : `${first.reason} (and ${times - 1} more of this kind)`),
      payload,
      bytes: message.payload.byteLength,
      user: message.identity.user,
      received: message.received,
    },
  }));
};

/** A ledger row; `key` sorts by time and is unique across restarts. */
export const letterChange = (letter: Letter, key: string): LedgerChange => ({
  op: "put",
  kind: "dead-letter",
  key,
  site: letter.site,
  ts: timestamp(letter.body.received),
  body: { ...letter.body } satisfies Record<string, Json>,
});

/** At most `perMinute` letters of one code in one minute. */
export const createLetterLimit = (perMinute: number) => {
  let minute = -1;
  const taken = new Map<CollectorCode, number>();
  return (code: CollectorCode, now: number): "keep" | "count" => {
    const current = Math.floor(now / minuteMs);
    if (current !== minute) {
      minute = current;
      taken.clear();
    }
    const before = taken.get(code) ?? 0;
    if (before >= perMinute) return "count";
    taken.set(code, before + 1);
    return "keep";
  };
};

const bounded = (reason: string): string =>
  reason.length > reasonLength ? `${reason.slice(0, reasonLength - 1)}…` : reason;

/** The first KB as text, cut between characters; bytes that are no UTF-8 as `base64:…`. */
export const excerpt = (payload: Uint8Array): string => {
  const head = payload.subarray(0, keptBytes);
  const cut = payload.byteLength > keptBytes;
  try {
    // `stream` leaves out a character that the cut split, instead of failing on it
    return new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: cut });
  } catch {
    return `base64:${btoa(String.fromCharCode(...head))}`;
  }
};
