import type { Refusal } from "#broker";
import { type Ledger, timestamp } from "#store";
import type { OnError } from "./desk.ts";

// A scanner that knocks a thousand times a second must not fill the disk; every knock is counted all the same.
const keptPerMinute = 20;

/** Puts what the broker refused beside the collector's dead letters, where a person sees it. */
export function createRefusalBook(ledger: Ledger, onError: OnError): (refusal: Refusal) => void {
  let minute = 0;
  let kept = 0;
  let number = 0;
  return (refusal) => {
    const now = Math.floor(refusal.ts / 60_000);
    if (now !== minute) {
      minute = now;
      kept = 0;
    }
    if (++kept > keptPerMinute) return;
    const body = {
      topic: refusal.topic ?? "",
      code: refusal.code,
      reason: refusal.reason,
      payload: "",
      bytes: 0,
      user: refusal.user ?? refusal.clientId ?? refusal.from,
      received: refusal.ts,
    };
    const key = `${String(refusal.ts).padStart(16, "0")}-broker-${++number}`;
    ledger
      .commit([{ op: "put", kind: "dead-letter", key, site: "", ts: timestamp(refusal.ts), body }])
      .catch((error: unknown) => onError(error, { stage: "deploy", code: "DEPLOY_REFUSAL" }));
  };
}
