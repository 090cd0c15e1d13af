import type { Account, Totals } from "./account.ts";

/** Over time the known parts add up and the coverage says how much of the window they are; null when none is known. */
const addKnown = (a: number | null | undefined, b: number | null | undefined): number | null =>
  b === null || b === undefined ? (a ?? null) : (a ?? 0) + b;

const energyKeys = [
  "importWh",
  "exportWh",
  "renewableWh",
  "gensetWh",
  "chargeWh",
  "dischargeWh",
  "itWh",
  "coolingWh",
  "lossWh",
  "otherWh",
  "loadWh",
  "facilityWh",
  "storedWh",
  "carbonG",
  "cost",
] as const;

const optionalKeys = ["carbonFreeWh", "availableWh"] as const;

const sumOf = (accounts: readonly Account[], key: (typeof energyKeys | typeof optionalKeys)[number]): number | null => {
  let sum: number | null = null;
  for (const { totals } of accounts) sum = addKnown(sum, totals[key]);
  return sum;
};

const composeWork = (accounts: readonly Account[]): Totals["work"] => {
  const work: Record<string, Totals["work"][string]> = {};
  for (const { totals } of accounts) {
    for (const [key, part] of Object.entries(totals.work)) {
      const sum = Object.hasOwn(work, key) ? work[key] : undefined;
      // Work and the energy that bought it are joined: a minute that lacks one of them counts for neither.
      const joined = part.amount !== null && part.energyWh !== null;
      work[key] = {
        amount: addKnown(sum?.amount, joined ? part.amount : null),
        energyWh: addKnown(sum?.energyWh, joined ? part.energyWh : null),
      };
    }
  }
  return work;
};

const composeRecord = <Part extends Readonly<Record<string, number | null>>>(
  accounts: readonly Account[],
  of: (totals: Totals) => Readonly<Record<string, Part>> | undefined,
): Readonly<Record<string, Part>> | null => {
  let sums: Record<string, Record<string, number | null>> | null = null;
  for (const { totals } of accounts) {
    const record = of(totals);
    if (record === undefined) continue;
    sums ??= {};
    for (const key in record) {
      const part = record[key];
      const before: Record<string, number | null> | undefined = Object.hasOwn(sums, key) ? sums[key] : undefined;
      const sum = before ?? {};
      sums[key] = sum;
      for (const name in part) sum[name] = addKnown(sum[name], part[name]);
    }
  }
  return sums as Readonly<Record<string, Part>> | null;
};

const composeMedia = (accounts: readonly Account[]): Pick<Totals, "media"> => {
  const parts = accounts.map(({ totals }) => totals.media).filter((media) => media !== undefined);
  if (parts.length === 0) return {};
  const media: Record<string, number | null> = {};
  for (const part of parts)
    for (const [key, amount] of Object.entries(part))
      media[key] = addKnown(Object.hasOwn(media, key) ? media[key] : null, amount);
  return { media };
};

/** The totals of a longer window from those of its parts, oldest first. */
export const sumTotals = (accounts: readonly Account[]): Totals => {
  const sums: Partial<Record<(typeof energyKeys | typeof optionalKeys)[number], number | null>> = {};
  for (const key of energyKeys) sums[key] = sumOf(accounts, key);
  for (const key of optionalKeys)
    if (accounts.some(({ totals }) => totals[key] !== undefined)) sums[key] = sumOf(accounts, key);
  const idle = composeRecord(accounts, ({ idle: own }) => own);
  const batteries = accounts.at(-1)?.totals.batteries;
  const periods = composeRecord(accounts, ({ periods: own }) => own);
  return {
    ...(sums as Record<(typeof energyKeys)[number], number | null>),
    ...composeMedia(accounts),
    ...(batteries === undefined ? {} : { batteries }),
    ...(idle === null ? {} : { idle }),
    ...(periods === null ? {} : { periods }),
    work: composeWork(accounts),
  };
};
