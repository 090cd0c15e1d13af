import { type Ledger, type LedgerRow, type Page, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { acknowledged, shelved, unshelved } from "../command.ts";
import { matches } from "../notify/match.ts";
import { type Silence, silenceEnd, silenceKind } from "../notify/silences.ts";
import type { Permit } from "../permit.ts";
import { permitKind } from "../permit-desk.ts";
import { alertKind, auditKind, readAlert } from "../record.ts";
import type { Happening } from "../run.ts";
import type { SiteWatch } from "../watch.ts";
import type { Episode } from "./episode.ts";

// ledger: permits ───────────────▶ given to the watch of a run when they were given
//         alerts, audit, silences ▶ what was acknowledged and shelved, and what nobody was told of

/** A work permit as it was opened or closed. */
export interface PermitOrder {
  /** On the site's clock. */
  readonly at: number;
  readonly wall: number;
  readonly permit: Permit;
}

type Kept = Pick<Ledger, "list" | "history">;
const pageRows = 1000;

const rowsOf = async (
  ledger: Pick<Ledger, "list">,
  query: Omit<Parameters<Ledger["list"]>[0], "limit" | "cursor">,
): Promise<readonly LedgerRow[]> => {
  const found: LedgerRow[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<LedgerRow> = await ledger.list({
      ...{ ...query, limit: pageRows },
      ...(cursor === null ? {} : { cursor }),
    });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
};

/** Permits that were open at any time in `[from, to)`, as they were opened and closed, in order. */
export const permitOrders = async (
  ledger: Kept,
  site: string,
  from: number,
  to: number,
): Promise<readonly PermitOrder[]> => {
  const orders: PermitOrder[] = [];
  for (const { key } of await rowsOf(ledger, { kind: permitKind, site, to: timestamp(to) }))
    for (const { at: wall, body } of await ledger.history(permitKind, key)) {
      const permit = body as unknown as Permit;
      orders.push({ at: permit.closed?.at ?? permit.from, wall, permit });
    }
  const over = new Set(orders.flatMap(({ at, permit }) => (permit.closed !== null && at < from ? [permit.id] : [])));
  return orders.filter(({ at, permit }) => at < to && !over.has(permit.id)).sort((a, b) => a.at - b.at);
};

const none: readonly Alert[] = [];
// Told again the wall clock ticks every five seconds: a permit must not wait for the next of them.
const slackMs = 10_000;

/** Gives permits to a watch where they came between two happenings. */
export const createPermitRoll = (orders: readonly PermitOrder[]) => {
  let next = 0;
  const give = (watch: SiteWatch | undefined, isDue: (order: PermitOrder) => boolean): readonly Alert[] => {
    if (next >= orders.length) return none;
    const changed: Alert[] = [];
    for (let one = orders[next]; watch !== undefined && one !== undefined && isDue(one); one = orders[++next])
      changed.push(...watch.permit(one.permit, one.wall));
    return changed;
  };
  return {
    /** What was given before this happened. */
    before: (watch: SiteWatch | undefined, happening: Happening): readonly Alert[] => {
      const wall = wallOf(happening);
      return give(watch, ({ at, wall: given }) => given < wall && at <= (watch?.now() ?? wall) + slackMs);
    },
    /** Whether none is given before the wall clock shows this, as long as the site's clock does not pass it. */
    isQuietUntil: (watch: SiteWatch | undefined, wall: number): boolean => {
      const one = orders[next];
      return one === undefined || one.at > Math.max(wall, watch?.now() ?? wall) + slackMs;
    },
    after: (watch: SiteWatch | undefined): readonly Alert[] => give(watch, ({ at }) => at < (watch?.now() ?? 0)),
  };
};

const wallOf = (happening: Happening): number => {
  if (happening.kind === "readings") return happening.readings[0]?.received ?? 0;
  return happening.kind === "columns" ? (happening.columns.received[0] ?? 0) : happening.wall;
};

/** What somebody did to an alert, as a change of that alert. */
export interface AlertOrder {
  readonly id: string;
  readonly changed: Alert["changed"];
  readonly amend: (alert: Alert) => Alert;
}

/** Acknowledgements, shelves, and shelves that were taken back, in the order of the site's clock. */
export const alertOrders = (transitions: readonly Alert[]): readonly AlertOrder[] => {
  const last = new Map<string, Alert>();
  const orders: AlertOrder[] = [];
  for (const alert of transitions) {
    const { id, changed, acknowledged: given, shelved: shelf } = alert;
    const before = last.get(id);
    last.set(id, alert);
    const order = (amend: AlertOrder["amend"]): void => void orders.push({ id, changed, amend });
    if (given !== null && given.at !== before?.acknowledged?.at)
      order((one) => acknowledged(one, given.by, given.reason, changed));
    const was = before?.shelved;
    if (shelf !== undefined && (was === undefined || shelf.until !== was.until))
      order((one) => shelved(one, shelf.by, shelf.reason, shelf.until, changed));
    if (shelf === undefined && was !== undefined && alert.state === was.was && changed.site < was.until)
      order((one) => unshelved(one, changed));
  }
  return orders.sort((a, b) => a.changed.site - b.changed.site);
};

/** A time in which alerts of one subject and subcode were on the shelf, on the site's clock. */
export interface ShelfSpan {
  readonly rule: string;
  readonly subject: string;
  readonly subcode: string;
  readonly from: number;
  readonly to: number;
}

/** Why nobody was told then. */
export interface Quiet {
  readonly silences: readonly Silence[];
  readonly shelves: readonly ShelfSpan[];
}

// No silence and no shelf lasts longer.
const longestSilenceMs = 31 * 86_400_000;
const longestShelfMs = 7 * 86_400_000;

/** Silences and shelves that were in force at any time in `[from, to)`. */
export const quietOf = async (
  ledger: Kept,
  {
    site,
    rules,
    from,
    to,
  }: { readonly site: string; readonly rules: readonly string[]; readonly from: number; readonly to: number },
): Promise<Quiet> => {
  const within = (beforeMs: number) => ({ from: timestamp(Math.max(0, from - beforeMs)), to: timestamp(to) });
  const silences = (await rowsOf(ledger, { kind: silenceKind, ...within(longestSilenceMs) }))
    .map(({ body }) => body as unknown as Silence)
    .filter((silence) => silenceEnd(silence) > from);
  const ids = new Set<string>();
  for (const { body } of await rowsOf(ledger, { kind: auditKind, site, ...within(longestShelfMs) })) {
    const { what, alert, rule } = body as { readonly what?: string; readonly alert?: string; readonly rule?: string };
    if (what === "alert.shelve" && alert !== undefined && rules.includes(rule ?? "")) ids.add(alert);
  }
  const shelves: ShelfSpan[] = [];
  for (const id of ids)
    shelves.push(...shelfSpans((await ledger.history(alertKind, id)).flatMap((row) => readAlert(row) ?? [])));
  return { silences, shelves };
};

const shelfSpans = (transitions: readonly Alert[]): readonly ShelfSpan[] => {
  const spans: ShelfSpan[] = [];
  let since: number | null = null;
  let until = 0;
  for (const { rule, subject, subcode, shelved: shelf, changed } of transitions) {
    if (shelf !== undefined) [since, until] = [since ?? changed.site, shelf.until];
    else if (since !== null) {
      spans.push({ rule, subject, subcode, from: since, to: Math.min(until, changed.site) });
      since = null;
    }
  }
  const last = transitions.at(-1);
  if (since !== null && last !== undefined)
    spans.push({ rule: last.rule, subject: last.subject, subcode: last.subcode, from: since, to: until });
  return spans;
};

/** Whether a silence of then held the telling of an alert when it became active. */
export const isSilenced = ({ silences }: Quiet, alert: Alert): boolean => {
  const at = alert.active ?? 0;
  return silences.some((one) => at >= one.from && at < silenceEnd(one) && matches(one.match, alert));
};

/** Time of an alert in which the alert of then was on the shelf, minutes. */
export const shelvedMinutes = ({ shelves }: Quiet, { rule, subject, subcode, active, end }: Episode): number =>
  shelves.reduce((sum, one) => {
    if (active === null || one.rule !== rule || one.subject !== subject || one.subcode !== subcode) return sum;
    return sum + Math.max(0, Math.min(one.to, end ?? one.to) - Math.max(one.from, active)) / 60_000;
  }, 0);
