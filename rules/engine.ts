import { setTimeout as delay } from "node:timers/promises";
import { modelNow, modelsAfter } from "#energy";
import {
  type FollowColumnsPage,
  followColumnsOf,
  type LedgerChange,
  StoreRefusedError,
  StoreUnavailableError,
  sitesOf,
} from "#store";
import { createAccountFollow } from "./account-rows.ts";
import type { Alert } from "./alert.ts";
import { createBacktestDesk } from "./backtest/desk.ts";
import { createBreath } from "./breath.ts";
import { loadCatalogue } from "./catalogue.ts";
import type { RulesCode } from "./codes.ts";
import type { RulesSettings } from "./config.ts";
import { createDesk } from "./desk.ts";
import { ruleChanges } from "./evidence/rule-log.ts";
import { alertHash } from "./hash.ts";
import { openLearned } from "./learned/rows.ts";
import { loadNotifyPlan } from "./notify/load.ts";
import { openPast } from "./past/past.ts";
import { createPermitDesk } from "./permit-desk.ts";
import { createQueue } from "./queue.ts";
import {
  accountKind,
  alertKind,
  messagesFor,
  type Progress,
  putAlert,
  putProgress,
  putWatch,
  readAlert,
  readProgress,
  readWatch,
  stateKind,
  topicOf,
} from "./record.ts";
import { markRestated, type Restatement } from "./restate.ts";
import type { Rules, RulesDeps, RulesMessage } from "./rules.ts";
import { createRun } from "./run.ts";
import { subjectsOf } from "./subjects.ts";
import { createSupplyDesk } from "./supply.ts";
import { realTimers } from "./timers.ts";
import { createWasteDesk } from "./waste/desk.ts";
import type { SavedWatch } from "./watch.ts";

// readings.follow ─┐                       ┌─ ledger: alert rows + progress + state, one transaction
// ledger.follow  ──┼─▶ queue ─▶ site watch ─┤
// ticks, commands ─┘                       └─ then publish: dc/<site>/alert/<rule>/<subject>

const pageReadings = 5000;
// An account of four hundred nodes is some 80 KB: more of them at once would hold up everybody on this thread.
const pageAccounts = 25;
const pageAlerts = 1000;
const breathMs = 40;
const waitMs = 30_000;
const retryMs = 1000;
const minuteMs = 60_000;
// Thirty ticks that did not end: what is told now might be old.
const behindMs = 30_000;

/**
 * Loads the rules, goes on where the ledger says it stood, and watches until disposed. Throws when a rule file is
 * faulty (parse them with `loadCatalogue` first to report every fault) or the ledger cannot be read.
 */
export const startRules = async (settings: RulesSettings, deps: RulesDeps): Promise<Rules> => {
  const { readings, ledger, sites, publish, onError, now = Date.now, timers = realTimers } = deps;
  const loaded = await loadCatalogue(settings.RULES_DIR, settings.RULES_ON, settings.RULES_SHADOW);
  if (!loaded.ok) {
    const lines = loaded.faults.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
    throw new Error(`faulty rule files\n${lines.join("\n")}`);
  }
  const { rules, summaries } = loaded.catalogue;
  const counts = sites.map((model) => [model.id, subjectsOf(model)] as const);
  const accountRules = new Set(rules.filter((rule) => rule.on === "account").map((rule) => rule.id));
  const stop = new AbortController();
  const { signal } = stop;
  const fail = (error: unknown, code: RulesCode): void => onError(error, { stage: "rules", code });

  const saved = new Map<string, SavedWatch | null>();
  // Alerts as their own rows hold them, by identity.
  const recorded = new WeakSet<Alert>();
  const recordedAlerts = async (ids: readonly string[]): Promise<readonly (Alert | null)[]> => {
    const found: (Alert | null)[] = [];
    for (let from = 0; from < ids.length; from += pageAlerts)
      for (const [at, row] of (await ledger.getAll(alertKind, ids.slice(from, from + pageAlerts))).entries()) {
        const alert = row === null ? null : readAlert(row);
        if (alert === null) fail(new Error(`there is no alert "${ids[from + at]}"`), "RULES_ROW_INVALID");
        else recorded.add(alert);
        found.push(alert);
      }
    return found;
  };
  for (const { id } of sites) saved.set(id, await readWatch(await ledger.get(stateKind, `site/${id}`), recordedAlerts));
  const { watches, take } = createRun({
    sites,
    rules,
    hash: alertHash,
    catchupWaitMs: settings.RULES_CATCHUP_WAIT_MS,
    saved: (site) => saved.get(site) ?? null,
  });
  saved.clear();
  const siteIds = [...watches.keys()];
  const followReadings = followColumnsOf(readings);
  const followRows = createAccountFollow(ledger, sites);
  const learned = await openLearned(ledger, siteIds);
  const started = readProgress(await ledger.get(stateKind, "progress"));
  let cursors: Omit<Progress, "unsent"> = { readings: started.readings, accounts: started.accounts };
  // Sites whose watch moved since it was saved.
  const dirty = new Set<string>();
  let savedAt = now();
  let isSaved = true;
  // Between a judgement and its record: a stop that falls here must not save the one without the other.
  let isBroken = false;

  const queue = createQueue();

  const send = (messages: readonly RulesMessage[]): void => {
    for (const message of messages) {
      try {
        publish(message);
      } catch (error) {
        fail(error, "RULES_PUBLISH_FAILED");
      }
    }
  };

  const messagesOf = (alerts: readonly Alert[]): readonly RulesMessage[] => {
    const isTold = (alert: Alert): boolean => alert.shadow !== true;
    // Only what closes asks for what else stands under its topic.
    const closing = new Set(alerts.flatMap(({ state, site }) => (state === "CLOSED" ? [site] : [])));
    const open = Map.groupBy([...closing].flatMap((site) => watches.get(site)?.open() ?? []).filter(isTold), topicOf);
    return alerts
      .filter(isTold)
      .flatMap((alert) => messagesFor(alert, open.get(topicOf(alert))?.find((other) => other.id !== alert.id) ?? null));
  };

  const commit = async (changes: readonly LedgerChange[]): Promise<void> => {
    for (;;) {
      try {
        await ledger.commit(changes);
        return;
      } catch (error) {
        fail(error, "RULES_COMMIT_FAILED");
        const pause = error instanceof StoreUnavailableError ? error.retryAfterMs : retryMs;
        // Judged but not recorded is not told: nothing goes on until the ledger takes it.
        await delay(pause, undefined, { signal });
      }
    }
  };

  const stateChanges = (unsent: readonly RulesMessage[], at: number): readonly LedgerChange[] => [
    ...[...dirty].flatMap((site) => {
      const watch = watches.get(site);
      if (watch === undefined) return [];
      const state = watch.save();
      return [...putWatch(site, state, at, (alert) => recorded.has(alert)), ...learned.changes(site, state)];
    }),
    ...putProgress({ ...cursors, unsent }, at),
  ];

  /** One transaction: alerts, audit, where we stand; then, and only then, the messages. */
  const record = async (
    alerts: readonly Alert[],
    touched: Iterable<string>,
    more: readonly LedgerChange[] = [],
  ): Promise<void> => {
    if (isBroken) throw new Error("the rules are stopping: the ledger did not take an earlier change");
    for (const site of touched) dirty.add(site);
    const at = now();
    const unsent = messagesOf(alerts);
    isBroken = true;
    for (const alert of alerts) recorded.add(alert);
    await commit([...alerts.map(putAlert), ...more, ...stateChanges(unsent, at)]);
    isBroken = false;
    dirty.clear();
    savedAt = at;
    isSaved = unsent.length === 0;
    send(unsent);
  };

  /** Saves at once what changed an alert; what only moved a clock or a cursor waits a little. */
  const settle = async (alerts: readonly Alert[], touched: Iterable<string>): Promise<void> => {
    for (const site of touched) dirty.add(site);
    if (dirty.size > 0) isSaved = false;
    const isDue = !isSaved && now() - savedAt >= settings.RULES_SAVE_MS;
    if (alerts.length > 0 || isDue) await record(alerts, []);
  };

  const takeReadings = async ({ columns, cursor }: FollowColumnsPage): Promise<void> => {
    cursors = { ...cursors, readings: cursor };
    const alerts = take({ kind: "columns", columns });
    await settle(alerts, sitesOf(columns));
  };

  const takeAccounts = async (page: Awaited<ReturnType<typeof followRows>>): Promise<void> => {
    cursors = { ...cursors, accounts: page.cursor };
    const alerts: Alert[] = [];
    const restated: Restatement[] = [];
    const touched = new Set<string>();
    // The minute of hundreds of sites closes at once.
    const breathe = createBreath(breathMs);
    for (const row of page.rows) {
      await breathe();
      const watch = watches.get(row.site);
      // What the clock has not passed waits, and is saved as it came.
      const found = row.read((watch?.now() ?? 0) <= row.ts + minuteMs);
      if (found === null) fail(new Error(`${row.kind} "${row.key}" is no account`), "RULES_ROW_INVALID");
      else if (watch !== undefined) {
        touched.add(row.site);
        const { start, end } = found.account;
        if (row.revision > 1) restated.push({ site: row.site, start, end });
        else alerts.push(...take({ kind: "account", ...found, wall: now() }));
      }
    }
    const marked = restated.length === 0 ? [] : await markRestated({ ledger, watches, accountRules, now }, restated);
    await settle([...alerts, ...marked], touched);
  };

  const nextReadings = async (): Promise<boolean> => {
    const page = await followReadings({ cursor: cursors.readings, sites: siteIds, limit: pageReadings, waitMs: 0 });
    if (page.columns.device.length > 0) await takeReadings(page);
    return page.behind;
  };
  const nextAccounts = async (): Promise<boolean> => {
    const kinds = [accountKind];
    const page = await followRows({ cursor: cursors.accounts, kinds, limit: pageAccounts, waitMs: 0 });
    if (page.rows.length > 0) await takeAccounts(page);
    return page.rows.length > 0;
  };
  /** Page by page, so that a person's command need not wait for a week of history. */
  const drain = async (next: () => Promise<boolean>): Promise<void> => {
    while (!signal.aborted && (await queue.run(next)));
  };

  const tick = async (): Promise<void> => {
    // Only when everything committed is judged may the wall clock speak: our backlog is not their silence.
    if (await nextReadings()) return;
    const wall = now();
    const alerts = take({ kind: "tick", wall });
    await settle(alerts, new Set(alerts.map((alert) => alert.site)));
  };

  /** Wakes when something is committed; the draining itself happens in the queue. */
  const follow = async (wake: () => Promise<void>, forget: () => void): Promise<void> => {
    while (!signal.aborted) {
      try {
        await wake();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof StoreRefusedError && error.code === "STORE_CURSOR_EXPIRED") forget();
        fail(error, "RULES_FOLLOW_FAILED");
        const pause = error instanceof StoreUnavailableError ? error.retryAfterMs : retryMs;
        await delay(pause, undefined, { signal }).catch(() => undefined);
      }
    }
  };
  const wakeForReadings = async (): Promise<void> => {
    const from = cursors.readings;
    const page = await followReadings({ cursor: from, sites: siteIds, limit: pageReadings, waitMs, signal });
    const isBehind = await queue.run(async () => {
      // A tick may have taken it meanwhile.
      if (cursors.readings !== from) return true;
      if (page.columns.device.length > 0) await takeReadings(page);
      else cursors = { ...cursors, readings: page.cursor };
      return page.behind;
    });
    if (isBehind) await drain(nextReadings);
  };
  // A minute's readings were committed before its account: they are judged before it too.
  const drainAccounts = async (): Promise<void> => {
    await drain(nextReadings);
    await drain(nextAccounts);
  };
  const followAccounts = async (): Promise<void> => {
    const kinds = [accountKind];
    const page = await ledger.follow({ cursor: cursors.accounts, kinds, bare: kinds, limit: 1, waitMs, signal });
    if (page.rows.length > 0) await drainAccounts();
  };

  const wasteDesk = createWasteDesk({ ledger, sites, rules, now, fail });
  const { onAlert, onWaste } = wasteDesk;
  const past = await openPast({ ledger, fail, onAlert, onWaste });
  wasteDesk.start(past);

  const changedRules = await ruleChanges(ledger, summaries, now());
  if (changedRules.length > 0) await commit(changedRules);
  send(started.unsent);
  await record(
    [...watches.values()].flatMap((watch) => watch.retire(now())),
    siteIds,
  );
  for (const watch of watches.values()) send(messagesOf(watch.open()));

  const running = [
    follow(wakeForReadings, () => {
      cursors = { ...cursors, readings: null };
    }),
    follow(followAccounts, () => {
      cursors = { ...cursors, accounts: null };
    }),
  ];
  let isTicking = false;
  let tickedAt = now();
  const stopTicks = timers.every(settings.RULES_TICK_MS, () => {
    if (isTicking || signal.aborted) return;
    isTicking = true;
    queue
      .run(tick)
      .then(() => {
        tickedAt = now();
      })
      .catch((error: unknown) => {
        if (!signal.aborted) fail(error, "RULES_FOLLOW_FAILED");
      })
      .finally(() => {
        isTicking = false;
      });
  });

  return {
    ...createDesk({ ledger, watches, now, run: queue.run, record }),
    ...createPermitDesk({
      watches,
      hasNode: (id, node) =>
        sites.some(
          (site) =>
            site.id === id && [site, ...modelsAfter(site)].some(({ nodes }) => nodes.some((one) => one.id === node)),
        ),
      now,
      run: queue.run,
      record,
    }),
    list: past.list,
    waste: wasteDesk.waste,
    ...createBacktestDesk({
      ...{ readings, ledger, sites, rules, hash: alertHash },
      maintenance: async () => {
        const notify = await loadNotifyPlan(settings.RULES_NOTIFY_FILE);
        return notify.ok ? (notify.plan?.maintenance ?? []) : [];
      },
    }),
    ...createSupplyDesk(watches, sites),
    catalogue: () =>
      summaries.map((summary) => ({
        ...summary,
        subjects: Object.fromEntries(counts.map(([id, count]) => [id, count[summary.subject]])),
        sites: Object.fromEntries(
          sites.flatMap((site) => {
            const { id, rules: changes } = modelNow(site, now());
            const change = changes?.[summary.id];
            return change === undefined
              ? []
              : [[id, { mode: change.mode ?? summary.mode, parameters: change.parameters }]];
          }),
        ),
      })),
    isCurrent: () => now() - tickedAt < behindMs,
    settled: drainAccounts,
    async [Symbol.asyncDispose]() {
      stopTicks();
      stop.abort();
      await Promise.all(running);
      await queue.run(async () => {
        if (!isSaved && !isBroken) await ledger.commit(stateChanges([], now()));
      });
      await past[Symbol.asyncDispose]();
      await wasteDesk[Symbol.asyncDispose]();
    },
  };
};
