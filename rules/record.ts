import type { Account } from "#energy";
import { type Json, type LedgerChange, type LedgerRow, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import type { SavedLife } from "./lives.ts";
import type { RulesMessage } from "./rules.ts";
import type { SavedWatch } from "./watch.ts";

export const alertKind = "alert";
export const auditKind = "audit";
export const stateKind = "rules-state";
export const accountKind = "account/1m";

/** How far the rules have read, and what they may not have published yet. */
export interface Progress {
  readonly readings: string | null;
  readonly accounts: string | null;
  readonly unsent: readonly RulesMessage[];
}

const asJson = (value: unknown): Json => value as Json;

export const putAlert = (alert: Alert): LedgerChange => ({
  op: "put",
  kind: alertKind,
  key: alert.id,
  site: alert.site,
  ts: timestamp(alert.start),
  body: asJson(alert),
});

export const putAudit = (
  alert: Alert,
  entry: { who: string; what: string; said: string; at: number },
): LedgerChange => ({
  op: "put",
  kind: auditKind,
  key: `${alert.id}/${entry.at}/${entry.what}`,
  site: alert.site,
  ts: timestamp(entry.at),
  body: { ...entry, alert: alert.id, rule: alert.rule, subject: alert.subject },
});

/** Progress is a place, not a history: the revisions before are dropped in the same transaction. */
const replace = (key: string, site: string, at: number, body: Json): LedgerChange[] => [
  { op: "delete", kind: stateKind, key },
  { op: "put", kind: stateKind, key, site, ts: timestamp(at), body },
];
export const putProgress = (progress: Progress, at: number): LedgerChange[] =>
  replace("progress", "", at, asJson(progress));
/** An alert whose own row says the same is saved by its id: thousands that stand are not written again each time. */
export const putWatch = (
  site: string,
  saved: SavedWatch,
  at: number,
  isRecorded: (alert: Alert) => boolean,
): LedgerChange[] => {
  const lives = saved.lives.map(({ key, life }) =>
    life.alert !== null && isRecorded(life.alert) ? { key, life: { ...life, alert: life.alert.id } } : { key, life },
  );
  return replace(`site/${site}`, site, at, asJson({ ...saved, lives }));
};

export const readProgress = (row: LedgerRow | null): Progress =>
  row === null ? { readings: null, accounts: null, unsent: [] } : (row.body as unknown as Progress);
/** `known` gives the alerts that are saved by id; null where there is none. */
export const readWatch = async (
  row: LedgerRow | null,
  known: (ids: readonly string[]) => Promise<readonly (Alert | null)[]>,
): Promise<SavedWatch | null> => {
  if (row === null) return null;
  const saved = row.body as unknown as Omit<SavedWatch, "lives"> & { readonly lives: readonly WrittenLife[] };
  const ids = saved.lives.flatMap(({ life }) => (typeof life.alert === "string" ? [life.alert] : []));
  const alerts = await known(ids);
  const byId = new Map(ids.map((id, at) => [id, alerts[at] ?? null]));
  const lives = saved.lives.map(({ key, life: { alert, ...life } }) => ({
    key,
    life: { ...life, alert: typeof alert === "string" ? (byId.get(alert) ?? null) : alert },
  }));
  return { ...saved, lives };
};
type WrittenLife = Omit<SavedLife, "life"> & {
  readonly life: Omit<SavedLife["life"], "alert"> & { readonly alert: Alert | string | null };
};

/** null for a row that is not what its kind says. */
export const readAlert = (row: LedgerRow): Alert | null => {
  const alert = row.body as unknown as Alert;
  return row.kind === alertKind && isRecord(alert) && alert.id === row.key ? alert : null;
};
export const readAccount = (row: LedgerRow): Account | null => {
  const account = row.body as unknown as Account;
  const whole = isRecord(account) && typeof account.start === "number" && typeof account.end === "number";
  return whole && isRecord(account.balance) && isRecord(account.totals) ? account : null;
};
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export const topicOf = (alert: Alert): string => `dc/${alert.site}/alert/${alert.rule}/${alert.subject}`;

/** What subscribers hear of a changed alert; `standing` is another open alert under the same topic, if any. */
export const messagesFor = (alert: Alert, standing: Alert | null): readonly RulesMessage[] => {
  const topic = topicOf(alert);
  const payload = JSON.stringify(alert);
  if (alert.state !== "CLOSED") return [{ topic, payload, retain: true }];
  const retained = standing === null ? "" : JSON.stringify(standing);
  return [
    { topic, payload, retain: false },
    { topic, payload: retained, retain: true },
  ];
};
