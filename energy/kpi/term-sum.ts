import type { Account, JointSums } from "../account.ts";
import { windowOf } from "../calendar.ts";
import type { SiteModel } from "../model.ts";
import type { KpiEntry, Sums, Terms, Variant } from "./entry.ts";
import { inputsOf } from "./inputs.ts";

export const isDeclared = (entry: KpiEntry, variant: Variant): boolean =>
  entry.declared === true || variant.declared === true;

/** Where composed accounts hold the terms of a KPI; null when it has none. */
export const jointKey = (entry: KpiEntry, variant: Variant): string | null => {
  if (isDeclared(entry, variant)) return null;
  return entry.joint?.(variant) ?? (entry.results === "one" ? entry.id : `${entry.id}/${variant.id}`);
};

export const isKnown = (terms: Terms): terms is Sums => {
  for (const name in terms) if (terms[name] === null) return false;
  return true;
};

/** What is being added up: by place, because a record of names that is written for every minute is slow. */
interface Adding {
  goodMs: number;
  readonly names: string[];
  readonly values: number[];
}

const addTerms = (sum: Adding, goodMs: number, terms: Sums): void => {
  const { names, values } = sum;
  sum.goodMs += goodMs;
  let next = 0;
  for (const name in terms) {
    let place = next++;
    if (names[place] !== name) place = names.indexOf(name);
    if (place < 0) place = names.push(name) - 1;
    values[place] = (values[place] ?? 0) + (terms[name] ?? 0);
  }
};

const sumsOf = ({ goodMs, names, values }: Adding): JointSums => {
  const terms: Record<string, number> = {};
  for (const [place, name] of names.entries()) terms[name] = values[place] ?? 0;
  return { goodMs, terms };
};

const nothing = (): Adding => ({ goodMs: 0, names: [], values: [] });

const isRaw = (account: Account): boolean =>
  account.joint === undefined || account.step === "1m" || account.step === "15m";

/** The terms of one KPI added up over accounts, oldest first. */
export interface TermSum {
  readonly add: (account: Account, goodMs: number, terms: Sums) => void;
  /** Null when nothing was added. To be asked once. */
  readonly finish: () => JointSums | null;
}

/**
 * `settled`: where the hour is the unit, parts of an hour are put together before they count; `raw` leaves them for the
 * hour they belong to.
 */
export const createTermSum = (
  { hourly }: Pick<KpiEntry, "hourly">,
  form: "raw" | "settled",
  timeZone: string,
): TermSum => {
  let whole: Adding | null = null;
  let hour: Adding | null = null;
  let hourStart = Number.NaN;
  const settle = (): void => {
    if (hour !== null && hourly !== undefined) {
      const { goodMs, terms } = sumsOf(hour);
      whole ??= nothing();
      addTerms(whole, goodMs, hourly(terms));
    }
    hour = null;
  };
  return {
    add: (account, goodMs, terms) => {
      if (hourly === undefined || form === "raw" || !isRaw(account)) {
        whole ??= nothing();
        addTerms(whole, goodMs, terms);
        return;
      }
      const { start } = windowOf("1h", account.start, timeZone);
      if (start !== hourStart) settle();
      hourStart = start;
      hour ??= nothing();
      addTerms(hour, goodMs, terms);
    },
    finish: () => {
      settle();
      return whole === null ? null : sumsOf(whole);
    },
  };
};

/** The terms of a KPI in one account, null when one of them is unknown. Composed accounts carry them joined. */
const jointTerms = (
  entry: KpiEntry,
  variant: Variant,
  key: string,
  account: Account,
  model: SiteModel,
): JointSums | null => {
  const { joint } = account;
  if (joint !== undefined) return Object.hasOwn(joint, key) ? (joint[key] ?? null) : null;
  const terms = entry.terms(account, model, variant);
  if (!isKnown(terms)) return null;
  const coverage = entry.unmetered === true ? 1 : inputsOf(account, variant, model).coverage;
  return { goodMs: coverage * (account.end - account.start), terms };
};

/** The terms of a KPI over accounts, oldest first: see `createTermSum`. */
export const sumTerms = (
  entry: KpiEntry,
  variant: Variant,
  accounts: readonly Account[],
  model: SiteModel,
  form: "raw" | "settled",
  seen?: (account: Account, terms: Sums | null) => void,
): JointSums | null => {
  const key = jointKey(entry, variant) ?? "";
  const sum = createTermSum(entry, form, model.timeZone);
  for (const account of accounts) {
    const found = jointTerms(entry, variant, key, account, model);
    seen?.(account, found?.terms ?? null);
    if (found !== null) sum.add(account, found.goodMs, found.terms);
  }
  return sum.finish();
};
