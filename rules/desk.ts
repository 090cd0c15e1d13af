import type { Ledger, LedgerChange } from "#store";
import type { Alert } from "./alert.ts";
import {
  acknowledged,
  acknowledgeShape,
  assigned,
  assignShape,
  commented,
  commentShape,
  parseCommand,
  type Refusal,
  refuse,
  shelved,
  shelveShape,
  unshelved,
  unshelveShape,
  whyNotAcknowledged,
  whyNotShelved,
  whyNotUnshelved,
} from "./command.ts";
import { alertKind, putAudit, readAlert } from "./record.ts";
import type { CommandResult, Rules } from "./rules.ts";
import type { SiteWatch } from "./watch.ts";

export interface DeskDeps {
  readonly ledger: Ledger;
  readonly watches: ReadonlyMap<string, SiteWatch>;
  readonly now: () => number;
  /** Commands wait their turn between two judgements. */
  readonly run: <Result>(job: () => Promise<Result>) => Promise<Result>;
  readonly record: (
    alerts: readonly Alert[],
    touched: Iterable<string>,
    more?: readonly LedgerChange[],
  ) => Promise<void>;
}

type Desk = Pick<Rules, "open" | "history" | "acknowledge" | "comment" | "assign" | "shelve" | "unshelve">;

/** What people ask about alerts and do to them. */
export const createDesk = ({ ledger, watches, now, run, record }: DeskDeps): Desk => {
  const find = async (id: string): Promise<Alert | null> => {
    const row = await ledger.get(alertKind, id);
    return row === null ? null : readAlert(row);
  };

  const change = (
    command: { readonly id: string; readonly by: string },
    said: { readonly what: string; readonly text: string },
    verdict: (alert: Alert, siteNow: number) => Refusal | null,
    edit: (alert: Alert, at: { readonly wall: number; readonly site: number }) => Alert,
  ): Promise<CommandResult> =>
    run(async () => {
      const found = await find(command.id);
      if (found === null) return refuse("RULES_ALERT_UNKNOWN", `there is no alert "${command.id}"`);
      const wall = now();
      const refusal = verdict(found, watches.get(found.site)?.now() ?? wall);
      if (refusal !== null) return refusal;
      const open = watches.get(found.site)?.amend(command.id, (alert, site) => edit(alert, { wall, site }));
      // A closed alert lives in the ledger alone.
      const alert = open ?? edit(found, { wall, site: found.changed.site });
      const audit = putAudit(alert, { who: command.by, what: said.what, said: said.text, at: wall });
      await record([alert], [alert.site], [audit]);
      return { ok: true, alert };
    });

  return {
    open: (site) =>
      run(async () =>
        [...watches.values()]
          .filter((watch) => site === undefined || watch.site === site)
          .flatMap((watch) => watch.open())
          .filter((alert) => alert.shadow !== true)
          .sort((a, b) => b.start - a.start || (a.id < b.id ? -1 : 1)),
      ),
    history: async (id) => (await ledger.history(alertKind, id)).flatMap((row) => readAlert(row) ?? []),
    acknowledge: async (input) => {
      const parsed = parseCommand(acknowledgeShape, input);
      if (!parsed.ok) return parsed;
      const { by, reason } = parsed.command;
      return change(parsed.command, { what: "alert.acknowledge", text: reason }, whyNotAcknowledged, (alert, at) =>
        acknowledged(alert, by, reason, at),
      );
    },
    comment: async (input) => {
      const parsed = parseCommand(commentShape, input);
      if (!parsed.ok) return parsed;
      const { by, text } = parsed.command;
      return change(
        parsed.command,
        { what: "alert.comment", text },
        () => null,
        (alert, at) => commented(alert, by, text, at),
      );
    },
    assign: async (input) => {
      const parsed = parseCommand(assignShape, input);
      if (!parsed.ok) return parsed;
      const { to } = parsed.command;
      return change(
        parsed.command,
        { what: "alert.assign", text: to ?? "" },
        (alert) => (alert.state === "CLOSED" ? refuse("RULES_ALERT_CLOSED", "the alert is closed") : null),
        (alert, at) => assigned(alert, to, at),
      );
    },
    shelve: async (input) => {
      const parsed = parseCommand(shelveShape, input);
      if (!parsed.ok) return parsed;
      const { by, reason, until } = parsed.command;
      return change(
        parsed.command,
        { what: "alert.shelve", text: `${reason} (until ${new Date(until).toISOString()})` },
        (alert, siteNow) => whyNotShelved(alert, until, siteNow),
        (alert, at) => shelved(alert, by, reason, until, at),
      );
    },
    unshelve: async (input) => {
      const parsed = parseCommand(unshelveShape, input);
      if (!parsed.ok) return parsed;
      return change(
        parsed.command,
        { what: "alert.unshelve", text: parsed.command.reason },
        whyNotUnshelved,
        unshelved,
      );
    },
  };
};
