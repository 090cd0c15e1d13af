import type { Alert, Severity } from "../alert.ts";

/** A way to tell someone. Its adapters are the other files of this folder; all pass `channel.suite.ts`. */
export interface Channel {
  readonly name: string;
  /** Says it once. Never throws: a failing world is a result here, because the caller tries again. */
  send(message: Message, signal: AbortSignal): Promise<Sent>;
}

/** What is told: words for people, data for machines. */
export interface Message {
  /** The same for every attempt to say the same thing to the same channel: a receiver may drop repeats by it. */
  readonly key: string;
  readonly occasion: Occasion;
  readonly severity: Severity | null;
  readonly title: string;
  readonly text: string;
  /** Where to read more; null without `public_url`. */
  readonly url: string | null;
  readonly alerts: readonly Alert[];
  /** UTC ms. */
  readonly at: number;
}

export const occasions = ["raised", "repeated", "escalated", "returned", "expiring", "well", "report", "test"] as const;
export type Occasion = (typeof occasions)[number];

export type Sent =
  | { readonly ok: true; readonly receipt: string }
  | {
      readonly ok: false;
      /** `never`: saying it again changes nothing. */
      readonly again: "later" | "never";
      /** What the receiver asked for. */
      readonly afterMs?: number;
      readonly reason: string;
    };

const reasonLength = 300;
export const failed = (reason: string, again: "later" | "never" = "later", afterMs?: number): Sent => ({
  ok: false,
  again,
  reason: reason.slice(0, reasonLength),
  ...(afterMs === undefined ? {} : { afterMs }),
});

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
