import { createHash } from "node:crypto";
import type { SiteModel } from "#energy";
import type { Ledger, Readings } from "#store";
import type { Alert } from "../alert.ts";
import { createBreath } from "../breath.ts";
import { judgedLines } from "../judged.ts";
import { lessonOf } from "../learned/before.ts";
import { createTaughtRun } from "../learned/learned.ts";
import type { Rule } from "../rule.ts";
import { alertOrders, createPermitRoll, permitOrders } from "./orders.ts";
import { happeningsOf } from "./past.ts";
import { transitionsOf } from "./transitions.ts";

// ledger: permits, what was done to alerts ─▶ run of all rules ◀─ stored readings, accounts
//         alerts as recorded ─ lines ─▶ the same? ◀─ lines ─┘

export interface RejudgeQuery {
  readonly model: SiteModel;
  /** `[from, to)` on the site's clock, UTC ms; null: from the first reading that is stored. */
  readonly from: number | null;
  readonly to: number;
}

export interface RejudgeDeps {
  readonly readings: Readings;
  readonly ledger: Ledger;
  /** The rules in force. */
  readonly rules: readonly Rule[];
  readonly hash: (text: string) => string;
}

/** One side of the comparison: what was recorded then, or what comes out now. */
export interface Judgements {
  /** One JSON object for each transition, in one order. */
  readonly lines: readonly string[];
  readonly alerts: number;
  /** SHA-256 of the lines, each with its line feed. */
  readonly sha256: string;
}

export interface Rejudged {
  readonly site: string;
  readonly from: number;
  readonly to: number;
  /** Judged before `from`, so that windows and holds stand as they would; not compared. */
  readonly warmUpFrom: number;
  readonly readings: number;
  readonly accounts: number;
  readonly recorded: Judgements;
  readonly judged: Judgements;
  /** Byte for byte. */
  readonly equal: boolean;
}

const warmUpMs = 86_400_000;
const catchupWaitMs = 60_000;
const leastTailMs = 600_000;
// Everybody else on this thread waits no longer.
const sliceMs = 25;

/**
 * Judges a site's past again with all rules at once, shadow rules among them, with the work permits of then, acknowledging
 * and shelving what people did when they did, and compares every transition with the recorded one. Compared are alerts that began in `[from, to)`, up to `to`.
 */
export const rejudge = async (query: RejudgeQuery, deps: RejudgeDeps): Promise<Rejudged> => {
  const { model, to } = query;
  const { rules, hash } = deps;
  const from = query.from ?? (await firstOf(deps.readings, model.id)) ?? to;
  // A minute is judged when something later was heard.
  const tailMs = model.nodes
    .flatMap(({ points }) => points)
    .reduce((longest, { intervalMs }) => Math.max(longest, 2 * intervalMs), leastTailMs);
  const { learned, tally, warmUpFrom } = await lessonOf(deps.ledger, model, rules, Math.max(0, from - warmUpMs));
  const past = (await transitionsOf(deps.ledger, { site: model.id, from: warmUpFrom, to })).filter(
    ({ changed }) => changed.site < to,
  );
  const isCompared = ({ start, changed }: Alert): boolean => start >= from && changed.site < to;

  const run = createTaughtRun({ sites: [model], rules, hash, catchupWaitMs }, model.id, { learned, tally });
  const given = alertOrders(past);
  const permits = createPermitRoll(await permitOrders(deps.ledger, model.id, warmUpFrom, to));
  const judged: Alert[] = [];
  const breathe = createBreath(sliceMs);
  let [readings, accounts, next] = [0, 0, 0];
  for await (const happenings of happeningsOf({ ...deps, site: model.id, from: warmUpFrom, to: to + tailMs })) {
    for (const happening of happenings) {
      if (happening.kind === "readings") readings += happening.readings.filter(({ ts }) => ts < to).length;
      else if (happening.kind === "account" && happening.account.start < to) accounts += 1;
      judged.push(...permits.before(run.watches.get(model.id), happening), ...run.take(happening));
      const watch = run.watches.get(model.id);
      judged.push(...permits.after(watch));
      for (let one = given[next]; one !== undefined && (watch?.now() ?? 0) >= one.changed.site; one = given[++next])
        judged.push(...[watch?.amend(one.id, one.amend)].filter((alert) => alert !== null && alert !== undefined));
    }
    await breathe();
  }
  const [then, now] = [judgementsOf(past.filter(isCompared)), judgementsOf(judged.filter(isCompared))];
  return {
    ...{ site: model.id, from, to, warmUpFrom, readings, accounts },
    ...{ recorded: then, judged: now, equal: then.sha256 === now.sha256 },
  };
};

const firstOf = async (readings: Readings, site: string): Promise<number | null> => {
  const devices = await readings.devices(site);
  return devices.length === 0 ? null : Math.min(...devices.map(({ firstSeen }) => firstSeen));
};

const judgementsOf = (transitions: readonly Alert[]): Judgements => {
  const lines = judgedLines(transitions);
  const sum = createHash("sha256");
  for (const line of lines) sum.update(`${line}\n`);
  return { lines, alerts: new Set(transitions.map(({ id }) => id)).size, sha256: sum.digest("hex") };
};

/** Lines that only one of two has, each as often as it has more of them. */
export const linesBut = (lines: readonly string[], others: readonly string[]): readonly string[] => {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    if (count > 0) counts.set(line, count - 1);
    return count === 0;
  });
};
