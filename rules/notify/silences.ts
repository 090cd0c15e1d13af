import { z } from "zod";
import { type Json, type Ledger, type LedgerChange, type LedgerRow, type Page, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { parseCommand, type Refusal, refuse } from "../command.ts";
import { auditKind } from "../record.ts";
import { matches } from "./match.ts";
import { type Matcher, matcherShape } from "./plan.ts";

/** Mutes the telling of what it matches, never its evaluation. Ledger kind `silence`, key = id, `ts` = start. */
export interface Silence {
  readonly id: string;
  readonly match: Matcher;
  readonly reason: string;
  readonly by: string;
  /** UTC ms, half-open. */
  readonly from: number;
  readonly until: number;
  /** Ended before its time; null while it was not. */
  readonly ended: { readonly by: string; readonly at: number } | null;
  /** Its end was announced. */
  readonly warned: boolean;
}

/** A silence with how many open alerts it matches now. */
export interface SilenceView extends Silence {
  readonly state: "waiting" | "active" | "over";
  readonly matching: number;
}

export type SilenceResult = { readonly ok: true; readonly silence: SilenceView } | Refusal;

export const silenceKind = "silence";
// Longer is a rule that nobody wants: change the rule.
const longestMs = 31 * 86_400_000;
const warnBeforeMs = 900_000;

const person = z.string().trim().min(1).max(200);
const createShape = z.strictObject({
  match: matcherShape,
  reason: z.string().trim().min(1).max(2000),
  by: person,
  from: z.number().int().min(0).optional(),
  until: z.number().int().min(0),
});
const endShape = z.strictObject({ id: z.string().min(1).max(64), by: person });

export interface SilencesDeps {
  readonly ledger: Ledger;
  readonly open: () => readonly Alert[];
  readonly hash: (text: string) => string;
  readonly now: () => number;
}

export interface Silences {
  create(command: unknown): Promise<SilenceResult>;
  end(command: unknown): Promise<SilenceResult>;
  /** Newest first, keyset-paged; `active` leaves out those that are over. */
  list(query: { readonly limit: number; readonly cursor?: string }): Promise<Page<SilenceView>>;
  /** How many open alerts a match has, before it is a silence. */
  preview(match: unknown): { readonly ok: true; readonly matching: number } | Refusal;
  /** The silence that mutes an alert now; null when none does. */
  muting(alert: Alert, now: number): Silence | null;
  /** Silences whose end is near and was not announced, with the alerts they hold. */
  expiring(now: number): readonly { readonly silence: Silence; readonly held: readonly Alert[] }[];
  warned(silence: Silence): LedgerChange;
}

/** Half-open. */
export const silenceEnd = ({ until, ended }: Silence): number => Math.min(until, ended?.at ?? Number.POSITIVE_INFINITY);

const readSilence = (row: LedgerRow): Silence => row.body as unknown as Silence;

const put = (silence: Silence): LedgerChange => ({
  op: "put",
  kind: silenceKind,
  key: silence.id,
  site: "",
  ts: timestamp(silence.from),
  body: silence as unknown as Json,
});

const audit = (silence: Silence, who: string, what: string, said: string, at: number): LedgerChange => ({
  op: "put",
  kind: auditKind,
  key: `${silence.id}/${at}/${what}`,
  site: "",
  ts: timestamp(at),
  body: { who, what, said, at, silence: silence.id },
});

/** Opens the silences that the ledger has; those that are over stay readable there. */
export const openSilences = async ({ ledger, open, hash, now }: SilencesDeps): Promise<Silences> => {
  const current = new Map<string, Silence>();
  let cursor: string | null = null;
  do {
    const page: Page<LedgerRow> = await ledger.list({
      kind: silenceKind,
      from: timestamp(Math.max(0, now() - 2 * longestMs)),
      limit: 1000,
      ...(cursor === null ? {} : { cursor }),
    });
    for (const silence of page.items.map(readSilence)) current.set(silence.id, silence);
    cursor = page.next;
  } while (cursor !== null);

  const matched = (match: Matcher): readonly Alert[] => open().filter((alert) => matches(match, alert));
  const view = (silence: Silence): SilenceView => {
    const at = now();
    const state = at >= silenceEnd(silence) ? "over" : at < silence.from ? "waiting" : "active";
    return { ...silence, state, matching: state === "over" ? 0 : matched(silence.match).length };
  };
  const save = async (silence: Silence, entry: LedgerChange): Promise<SilenceResult> => {
    await ledger.commit([put(silence), entry]);
    current.set(silence.id, silence);
    return { ok: true, silence: view(silence) };
  };

  return {
    create: async (input) => {
      const parsed = parseCommand(createShape, input);
      if (!parsed.ok) return parsed;
      const { match, reason, by, until } = parsed.command;
      const at = now();
      const from = parsed.command.from ?? at;
      if (Object.keys(match).length === 0)
        return refuse("RULES_COMMAND_INVALID", "match: must say which alerts: an empty match would silence them all");
      if (until <= from || until <= at)
        return refuse("RULES_COMMAND_INVALID", "until: must be after its beginning and in the future");
      if (until - from > longestMs) return refuse("RULES_COMMAND_INVALID", "until: a silence lasts 31 days at most");
      const id = hash(JSON.stringify([match, reason, by, from, until, at]));
      const silence: Silence = { id, match, reason, by, from, until, ended: null, warned: false };
      return save(silence, audit(silence, by, "silence.create", reason, at));
    },
    end: async (input) => {
      const parsed = parseCommand(endShape, input);
      if (!parsed.ok) return parsed;
      const { id, by } = parsed.command;
      const silence = current.get(id);
      const at = now();
      if (silence === undefined) return refuse("RULES_SILENCE_UNKNOWN", `there is no silence "${id}"`);
      if (at >= silenceEnd(silence)) return refuse("RULES_SILENCE_OVER", "the silence is over already");
      return save({ ...silence, ended: { by, at } }, audit(silence, by, "silence.end", "", at));
    },
    list: async ({ limit, cursor: from }) => {
      const page = await ledger.list({
        kind: silenceKind,
        order: "newest-first",
        limit,
        ...(from === undefined ? {} : { cursor: from }),
      });
      return { items: page.items.map((row) => view(readSilence(row))), next: page.next };
    },
    preview: (match) => {
      const parsed = parseCommand(matcherShape, match);
      return parsed.ok ? { ok: true, matching: matched(parsed.command).length } : parsed;
    },
    muting: (alert, at) => {
      for (const silence of current.values()) {
        if (at >= silenceEnd(silence)) {
          if (at - silenceEnd(silence) > longestMs) current.delete(silence.id);
        } else if (at >= silence.from && matches(silence.match, alert)) return silence;
      }
      return null;
    },
    expiring: (at) =>
      [...current.values()].flatMap((silence) => {
        const near = at >= silence.until - Math.min(warnBeforeMs, (silence.until - silence.from) / 4);
        if (silence.warned || silence.ended !== null || !near || at >= silence.until) return [];
        const held = matched(silence.match);
        return held.length === 0 ? [] : [{ silence, held }];
      }),
    warned: (silence) => {
      const next = { ...silence, warned: true };
      current.set(silence.id, next);
      return put(next);
    },
  };
};
