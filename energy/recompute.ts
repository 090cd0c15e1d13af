import type { Reading } from "#store";
import { type Account, type AccountStep, accountSteps } from "./account.ts";
import { type Window, windowOf } from "./calendar.ts";
import { accountWindow } from "./close.ts";
import { composeAccounts } from "./compose.ts";
import { accountChanges, type Change } from "./difference.ts";
import { isEmptyAccount } from "./longer.ts";
import type { SiteModel } from "./model.ts";
import { createSiteSamples } from "./samples.ts";
import { factorLookbackMs } from "./site-book.ts";
import { openingReachMs, quarterWithStorage, sumWithStorage } from "./storage-book.ts";
import { modelAt, samplesUnder, versionsOf } from "./validity.ts";

//  raw readings ─▶ minutes ─▶ quarters ─▶ hours, day ─▶ compared with the accounts in the ledger

export interface RecomputeDeps {
  /** All stored readings of the site in `[from, to)`. */
  readonly readRange: (from: number, to: number, device?: string) => Promise<readonly Reading[]>;
  /** Stored accounts that start in `[from, to)`, oldest first. */
  readonly readAccounts: (step: AccountStep, from: number, to: number) => Promise<readonly Account[]>;
  /** The site model of a revision that an account names; null when it was not kept. */
  readonly modelOf: (revision: string) => Promise<SiteModel | null>;
  readonly bridgeMs: number;
}

/** An account that does not come out as it is stored; without changes one of the two is not there. */
export interface Unequal {
  readonly step: AccountStep;
  readonly start: number;
  /** Revision of the stored account; null when none is stored. */
  readonly revision: number | null;
  readonly changes: readonly Change[];
}

export interface Recomputed {
  readonly site: string;
  readonly window: Window;
  /** Stored accounts that were made again. */
  readonly compared: Readonly<Record<AccountStep, number>>;
  readonly readings: number;
  /** Revisions of the site model that the stored accounts name. */
  readonly models: readonly string[];
  /** Those of them that are not kept: their accounts were made with the site file as it is now. */
  readonly lostModels: readonly string[];
  readonly unequal: readonly Unequal[];
}

const minuteMs = 60_000;
// One look into the store: an hour of readings with what lies around it.
const stretchMs = 3_600_000;

/**
 * Makes the accounts of a window again from raw readings and compares them with the stored ones (changes: before =
 * stored, after = made again). Only windows that are whole inside `window` are made.
 */
export const recomputeAccounts = async (site: SiteModel, window: Window, deps: RecomputeDeps): Promise<Recomputed> => {
  const stored = new Map<AccountStep, Map<number, Account>>();
  for (const step of accountSteps) {
    const accounts = await deps.readAccounts(step, window.start, window.end);
    stored.set(
      step,
      new Map(accounts.filter(({ end }) => end <= window.end).map((account) => [account.start, account])),
    );
  }
  const inForce = (revision: string) => versionsOf(site).find((version) => version.revision === revision);
  const models = new Map<string, SiteModel | null>();
  for (const accounts of stored.values())
    for (const { model } of accounts.values())
      if (!models.has(model)) models.set(model, inForce(model) ?? (await deps.modelOf(model)));
  const modelOf = (account: Account | undefined, ts: number): SiteModel =>
    (account && models.get(account.model)) ?? modelAt(site, ts);

  const unequal: Unequal[] = [];
  const compared = { "1m": 0, "15m": 0, "1h": 0, "1d": 0 };
  const compare = (made: Account): void => {
    const before = stored.get(made.step)?.get(made.start);
    if (before === undefined) {
      unequal.push({ step: made.step, start: made.start, revision: null, changes: [] });
      return;
    }
    compared[made.step]++;
    const changes = accountChanges(before, made);
    if (changes.length > 0) unequal.push({ step: made.step, start: made.start, revision: before.revision, changes });
  };

  const storedMinutes = stored.get("1m") ?? new Map<number, Account>();
  const lastStored = Math.max(0, ...storedMinutes.keys());
  let readings = 0;
  const minutes: Account[] = [];
  for (let from = window.start; from < window.end; from += stretchMs) {
    const to = Math.min(from + stretchMs, window.end);
    const range = await deps.readRange(from - deps.bridgeMs, to + deps.bridgeMs);
    readings += range.reduce((count, { ts }) => count + (ts >= from && ts < to ? 1 : 0), 0);
    const columns = new Map<SiteModel, ReturnType<typeof createSiteSamples>["columns"]>();
    for (let start = from; start < to; start += minuteMs) {
      const before = storedMinutes.get(start);
      const model = modelOf(before, start);
      let samples = columns.get(model);
      if (samples === undefined) {
        const loaded = createSiteSamples(model, { bridgeMs: deps.bridgeMs });
        for (const device of [model.tariff?.device, model.carbon?.device])
          if (device)
            for (const reading of await deps.readRange(from - factorLookbackMs, to, device)) loaded.add(reading);
        for (const reading of range) loaded.add(reading);
        samples = loaded.columns;
        columns.set(model, samples);
      }
      const around = { from: start - deps.bridgeMs, to: start + minuteMs + deps.bridgeMs };
      const usable = samplesUnder(site, model, samples, around);
      const made = accountWindow(model, { step: "1m", start, end: start + minuteMs }, usable, {
        bridgeMs: deps.bridgeMs,
      });
      if (before === undefined && isEmptyAccount(made)) continue;
      // Past the last stored minute nothing is due yet.
      if (before === undefined && start > lastStored) continue;
      minutes.push(made);
      compare(made);
    }
  }

  const before = await deps.readAccounts("15m", window.start - openingReachMs, window.start);
  const chain: Account[] = [...before];
  // As far back as a battery that was silent is remembered.
  const mostChained = openingReachMs / 900_000;
  const withStorage = (model: SiteModel, account: Account, parts: readonly Account[]): Account => {
    if (account.step !== "15m") return sumWithStorage(account, parts);
    const made = quarterWithStorage(model, account, chain.slice(-mostChained));
    chain.push(made);
    return made;
  };

  const compose = (step: AccountStep, parts: readonly Account[]): Account[] => {
    const groups = new Map<number, { window: Window; parts: Account[] }>();
    for (const part of parts) {
      const whole = windowOf(step, part.start, site.timeZone);
      const group = groups.get(whole.start) ?? { window: whole, parts: [] };
      groups.set(whole.start, group);
      group.parts.push(part);
    }
    const made: Account[] = [];
    for (const { window: whole, parts: inside } of groups.values()) {
      const before = stored.get(step)?.get(whole.start);
      if (whole.start < window.start || whole.end > window.end) continue;
      // A window that is not over has no account.
      if (before === undefined && whole.end > (parts.at(-1)?.end ?? 0)) continue;
      const model = modelOf(before, whole.end - 1);
      const account = withStorage(model, composeAccounts(model, { ...whole, step }, inside), inside);
      made.push(account);
      compare(account);
    }
    return made;
  };
  const quarters = compose("15m", minutes);
  compose("1h", quarters);
  compose("1d", quarters);

  const made = new Set(minutes.map(({ start }) => start as number));
  for (const [start, { revision }] of storedMinutes)
    if (!made.has(start)) unequal.push({ step: "1m", start, revision, changes: [] });
  return {
    site: site.id,
    window,
    compared,
    readings,
    models: [...models.keys()],
    lostModels: [...models].filter(([, model]) => model === null).map(([revision]) => revision),
    unequal,
  };
};
