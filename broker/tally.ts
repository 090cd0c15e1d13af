import type { BrokerCode } from "./errors.ts";

const reasonCharacters = 300;

/** Counts what passes and what is refused; a refusal is also told, with its reason. */
export function createTally(now: () => number, onRefusal: (refusal: Refusal) => void): Tally {
  const totals = new Map<string, number>();
  const add = (name: string, amount = 1) => totals.set(name, (totals.get(name) ?? 0) + amount);
  return {
    add,
    refuse(code, reason, where) {
      add(code);
      const bounded = reason.length > reasonCharacters ? `${reason.slice(0, reasonCharacters)}…` : reason;
      onRefusal({ code, reason: bounded, ...where, ts: now() });
    },
    totals: () => Object.fromEntries(totals),
  };
}

/** What was not allowed, and why. */
export interface Refusal {
  readonly code: BrokerCode;
  /** One sentence, bounded. */
  readonly reason: string;
  readonly topic: string | null;
  readonly user: string | null;
  readonly clientId: string | null;
  /** Remote address of the connection. */
  readonly from: string;
  /** UTC ms. */
  readonly ts: number;
}

export interface Tally {
  add(name: string, amount?: number): void;
  refuse(code: BrokerCode, reason: string, where: Omit<Refusal, "code" | "reason" | "ts">): void;
  totals(): Readonly<Record<string, number>>;
}
