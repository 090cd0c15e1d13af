import { type Json, type Ledger, type LedgerChange, type LedgerRow, StoreRefusedError, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import type { RulesCode } from "../codes.ts";
import { alertKind, readAlert } from "../record.ts";
import { mostUrgentFirst } from "../urgency.ts";
import type { Message, Occasion } from "./channel.ts";
import { type Delivery, deliveryKind, putDelivery, readDelivery, toldKind } from "./delivery.ts";
import { type Due, dueOf, roundOf, type Standing, type Told } from "./due.ts";
import type { Maintenance } from "./maintenance.ts";
import { matches, onDuty } from "./match.ts";
import type { NotifyPlan, Route } from "./plan.ts";
import type { Sender } from "./sender.ts";
import type { Silences } from "./silences.ts";
import { expiringText, type Language, textOf, titleOf } from "./texts.ts";

//  ledger.follow(alert) ─▶ standings ─▶ due? ─▶ one transaction: told + delivery rows + cursor ─▶ sender ─▶ channel
//                                        └ muted: silence, maintenance, shelved, held by an incident

export interface NotifierDeps {
  readonly plan: NotifyPlan;
  readonly ledger: Ledger;
  readonly silences: Silences;
  readonly maintenance: Maintenance;
  readonly sender: Sender;
  readonly hash: (text: string) => string;
  readonly now: () => number;
  readonly zoneOf: (site: string) => string;
  readonly fail: (error: unknown, code: RulesCode) => void;
}

export interface Notifier {
  /** Takes what was committed since, decides, and queues. */
  turn(): Promise<void>;
  /** Alerts that became active and are not CLOSED. */
  open(): readonly Alert[];
  /** Queues one message to named targets, outside the routes: tests, reports, "all is well". */
  tell(order: TellOrder): Promise<readonly Delivery[]>;
}

export interface TellOrder {
  readonly occasion: Occasion;
  readonly targets: readonly string[];
  readonly words: (language: Language) => { readonly title: string; readonly text: string };
  readonly alerts?: readonly Alert[];
  /** The same order with the same once is queued once. */
  readonly once: string;
}

const stateKind = "notify-state";
const pageRows = 500;
const dayMs = 86_400_000;

interface Saved {
  readonly raisedAt: number | null;
  readonly round: string;
  readonly told: Told;
}
interface Entry extends Standing {
  readonly round: string;
}

export const openNotifier = async (deps: NotifierDeps, open: readonly Alert[]): Promise<Notifier> => {
  const { plan, ledger, silences, maintenance, sender, hash, now, zoneOf, fail } = deps;
  const entries = new Map<string, Entry>();
  const mutedBy = new Map<string, string>();
  const place = await ledger.get(stateKind, "cursor");
  let cursor = typeof place?.body === "string" ? place.body : await ledger.head();
  const languages = new Map(plan.channels.map((channel) => [channel.name, channel.language ?? plan.language]));

  const load = async (alert: Alert, at: number): Promise<Entry> => {
    const row = await ledger.get(toldKind, alert.id);
    const saved = row === null ? null : (row.body as unknown as Saved);
    return moved(
      { alert, raisedAt: saved?.raisedAt ?? null, told: saved?.told ?? {}, round: saved?.round ?? "" },
      alert,
      at,
    );
  };
  /** When an alert becomes active, again or worse, its time begins anew. */
  const moved = (entry: Entry, alert: Alert, at: number): Entry => {
    if (alert.active === null || entry.round === roundOf(alert)) return { ...entry, alert };
    return { ...entry, alert, raisedAt: at, round: roundOf(alert) };
  };

  for (const alert of open) if (alert.active !== null) entries.set(alert.id, await load(alert, alert.changed.wall));
  const unsent: Delivery[] = [];
  for (let next: string | null | undefined; next !== null; ) {
    const page = await ledger.list({
      kind: deliveryKind,
      from: timestamp(Math.max(0, now() - 2 * dayMs)),
      limit: 1000,
      ...(next === undefined ? {} : { cursor: next }),
    });
    unsent.push(...page.items.map(readDelivery).filter(({ state }) => state === "queued"));
    next = page.next;
  }
  sender.add(unsent);

  const takeRows = async (rows: readonly LedgerRow[]): Promise<void> => {
    for (const row of rows) {
      const alert = readAlert(row);
      if (alert === null) continue;
      const entry = entries.get(alert.id);
      // Never told and over: nothing to say about it.
      if (entry === undefined && alert.active === null) continue;
      entries.set(alert.id, entry === undefined ? await load(alert, row.at) : moved(entry, alert, row.at));
    }
  };

  const channelsOf = (targets: readonly string[], at: number): readonly string[] => {
    const ofPerson = (name: string): readonly string[] =>
      plan.people.find((person) => person.name === name)?.channels ?? [];
    const found = targets.flatMap((target): readonly string[] => {
      if (target.startsWith("person:")) return ofPerson(target.slice(7));
      if (!target.startsWith("roster:")) return [target.replace(/^channel:/, "")];
      const roster = plan.rosters.find(({ name }) => name === target.slice(7));
      const people = roster === undefined ? [] : onDuty(roster, at);
      if (people.length === 0)
        fail(new Error(`nobody has the duty in roster "${target.slice(7)}"`), "RULES_NOBODY_ON_DUTY");
      return people.flatMap(ofPerson);
    });
    return [...new Set(found)];
  };

  const deliver = (
    order: {
      readonly occasion: Occasion;
      readonly route: string | null;
      readonly alerts: readonly Alert[];
      readonly once: string;
    },
    channel: string,
    words: (language: Language) => { readonly title: string; readonly text: string },
    muted: string | null,
  ): Delivery => {
    const { title, text } = words(languages.get(channel) ?? plan.language);
    const [first] = order.alerts;
    const at = now();
    const key = hash(JSON.stringify([order.once, channel]));
    const worst = order.alerts.length === 0 ? null : (first?.severity ?? null);
    const message: Message = {
      key,
      occasion: order.occasion,
      severity: worst,
      title,
      text,
      url:
        plan.public_url === undefined
          ? null
          : `${plan.public_url.replace(/\/+$/, "")}/alerts${first === undefined ? "" : `?alert=${first.id}`}`,
      alerts: order.alerts,
      at,
    };
    const state = muted === null ? "queued" : "muted";
    return { key, channel, route: order.route, state, message, attempts: 0, nextAt: at, said: muted ?? "" };
  };

  const putTold = (entry: Entry, steps: readonly string[], at: number): LedgerChange => {
    const told = { ...entry.told, ...Object.fromEntries(steps.map((step) => [step, at])) };
    entries.set(entry.alert.id, { ...entry, told });
    const body: Saved = { raisedAt: entry.raisedAt, round: entry.round, told };
    const { id, site, start } = entry.alert;
    return { op: "put", kind: toldKind, key: id, site, ts: timestamp(start), body: body as unknown as Json };
  };

  const muteOf = (alert: Alert, at: number): string | null => {
    const silence = silences.muting(alert, at);
    if (silence !== null) return `silence ${silence.id} of ${silence.by}: ${silence.reason}`;
    const window = maintenance.muting(alert, at);
    if (window !== null) return `maintenance ${window.name}`;
    if (alert.state === "SHELVED") return `shelved by ${alert.shelved?.by}: ${alert.shelved?.reason}`;
    return alert.incident?.held === true ? `incident ${alert.incident.id}` : null;
  };

  /** What is due now, gathered by route, occasion, site and rule. */
  const gather = (at: number) => {
    const groups = new Map<
      string,
      { readonly route: Route; readonly items: { readonly entry: Entry; readonly due: Due }[] }
    >();
    const muted: { readonly entry: Entry; readonly due: Due; readonly route: Route; readonly why: string }[] = [];
    for (const entry of entries.values()) {
      for (const route of plan.routes) {
        if (!matches(route.match, entry.alert)) continue;
        const due = dueOf(entry, route, at);
        if (due === null) continue;
        const why = muteOf(entry.alert, at);
        if (why !== null) {
          muted.push({ entry, due, route, why });
          continue;
        }
        const key = JSON.stringify([route.name, due.occasion, due.tiers, entry.alert.site, entry.alert.rule]);
        const group = groups.get(key) ?? { route, items: [] };
        groups.set(key, group);
        group.items.push({ entry, due });
      }
    }
    return { groups, muted };
  };

  const decide = async (place: readonly LedgerChange[]): Promise<void> => {
    const at = now();
    const { groups, muted } = gather(at);
    const changes: LedgerChange[] = [...place];
    const queued: Delivery[] = [];
    const ordered = [...groups.values()].map(({ route, items }) => ({
      route,
      items: items.toSorted((a, b) => mostUrgentFirst(a.entry.alert, b.entry.alert)),
    }));
    for (const { route, items } of ordered.sort(byMostUrgent)) {
      const [first] = items;
      if (first === undefined) continue;
      const oldest = Math.min(...items.map(({ due }) => due.at));
      // Four hundred racks of one feed fall within seconds of each other: one message.
      if (first.due.occasion === "raised" && at < oldest + route.group_wait_s * 1000) continue;
      const alerts = items.map(({ entry }) => entry.alert);
      const targets = first.due.tiers.flatMap((tier) => route.tiers[tier]?.to ?? []);
      const once = JSON.stringify(items.map(({ entry, due }) => [entry.alert.id, due.step]).sort());
      const order = { occasion: first.due.occasion, route: route.name, alerts, once };
      for (const channel of channelsOf(targets, at)) {
        const words = (language: Language) => ({
          title: titleOf(order.occasion, alerts, language),
          text: textOf(alerts, zoneOf, language),
        });
        queued.push(deliver(order, channel, words, null));
      }
      for (const { entry, due } of items) changes.push(putTold(latest(entry), [due.step, ...due.covers], at));
    }
    for (const { entry, due, route, why } of muted) {
      const name = `${entry.alert.id}/${due.step}`;
      if (mutedBy.get(name) === why) continue;
      mutedBy.set(name, why);
      const words = (language: Language) => ({
        title: titleOf(due.occasion, [entry.alert], language),
        text: textOf([entry.alert], zoneOf, language),
      });
      const order = {
        occasion: due.occasion,
        route: route.name,
        alerts: [entry.alert],
        once: JSON.stringify([name, why]),
      };
      const targets = due.tiers.flatMap((tier) => route.tiers[tier]?.to ?? []);
      changes.push(...channelsOf(targets, at).map((channel) => putDelivery(deliver(order, channel, words, why))));
    }
    for (const { silence, held } of silences.expiring(at)) {
      changes.push(silences.warned(silence));
      const routes = plan.routes.filter((route) => held.some((alert) => matches(route.match, alert)));
      const targets = routes.flatMap((route) => route.tiers[0]?.to ?? []);
      const words = (language: Language) => ({
        title: titleOf("expiring", [], language),
        text: expiringText(silence, held.length, language),
      });
      const order = { occasion: "expiring" as const, route: null, alerts: [], once: `expiring/${silence.id}` };
      queued.push(...channelsOf(targets, at).map((channel) => deliver(order, channel, words, null)));
    }
    changes.push(...queued.map(putDelivery));
    if (changes.length > 0) await ledger.commit(changes);
    sender.add(queued);
    for (const [id, entry] of entries) {
      if (
        entry.alert.state !== "CLOSED" ||
        plan.routes.some((route) => matches(route.match, entry.alert) && dueOf(entry, route, at) !== null)
      )
        continue;
      entries.delete(id);
      for (const name of mutedBy.keys()) if (name.startsWith(`${id}/`)) mutedBy.delete(name);
    }
  };
  const latest = (entry: Entry): Entry => entries.get(entry.alert.id) ?? entry;

  return {
    open: () => [...entries.values()].flatMap(({ alert }) => (alert.state === "CLOSED" ? [] : [alert])),
    turn: async () => {
      for (;;) {
        let page: Awaited<ReturnType<Ledger["follow"]>>;
        try {
          page = await ledger.follow({ cursor, kinds: [alertKind], limit: pageRows, waitMs: 0 });
        } catch (error) {
          if (!(error instanceof StoreRefusedError) || error.code !== "STORE_CURSOR_EXPIRED") throw error;
          cursor = await ledger.head();
          continue;
        }
        await takeRows(page.rows);
        const isMoved = page.cursor !== cursor && page.rows.length > 0;
        cursor = page.cursor;
        if (page.rows.length === pageRows) continue;
        await decide(isMoved ? putPlace(cursor, now()) : []);
        return;
      }
    },
    tell: async ({ occasion, targets, words, alerts = [], once }) => {
      const order = { occasion, route: null, alerts, once };
      const deliveries = channelsOf(targets, now()).map((channel) => deliver(order, channel, words, null));
      const fresh: Delivery[] = [];
      for (const delivery of deliveries)
        if ((await ledger.get(deliveryKind, delivery.key)) === null) fresh.push(delivery);
      if (fresh.length > 0) await ledger.commit(fresh.map(putDelivery));
      sender.add(fresh);
      return fresh;
    },
  };
};

/** A place, not a history. */
const putPlace = (cursor: string, at: number): readonly LedgerChange[] => [
  { op: "delete", kind: stateKind, key: "cursor" },
  { op: "put", kind: stateKind, key: "cursor", site: "", ts: timestamp(at), body: cursor },
];

interface Group {
  readonly items: readonly { readonly entry: { readonly alert: Alert } }[];
}
const byMostUrgent = ({ items: [a] }: Group, { items: [b] }: Group): number =>
  a === undefined || b === undefined ? 0 : mostUrgentFirst(a.entry.alert, b.entry.alert);
